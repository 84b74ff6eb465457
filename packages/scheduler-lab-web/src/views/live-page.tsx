import type { Lab } from '../data/lab.ts';
import { ClusterView } from './cluster-view.tsx';
import { QueueView } from './queue-view.tsx';
import { SidePanel } from './side-panel.tsx';

/** Queue on top, cluster and the chosen attempt below. */
export function LivePage({ lab }: { lab: Lab }) {
  return (
    <div class="live">
      <QueueView lab={lab} />
      <div class="split">
        <ClusterView lab={lab} />
        <SidePanel lab={lab} />
      </div>
    </div>
  );
}
