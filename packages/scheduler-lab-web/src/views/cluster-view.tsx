import { useComputed, useSignal } from '@preact/signals';
import { memo } from 'preact/compat';
import type { Lab } from '../data/lab.ts';
import { cpuText, memoryText } from '../model/amounts.ts';
import { density, type NodeView, nodeViews, searchNodes, share, sharedPrefix } from '../model/cluster.ts';
import { selectedNode, selectedPod, selectPod, short } from '../state.ts';

/** Pods a card draws one by one. */
const mostBlocks = 48;
/** Up to so many pods are shown by name, more as squares. */
const mostNamed = 6;
/** Rows and tiles drawn at most; a search brings out the rest. */
const mostShown = 1200;

/** Nodes filling up. `only` narrows it to nodes with a label (lessons). */
export function ClusterView({ lab, only }: { lab: Lab; only?: (labels: Readonly<Record<string, string>>) => boolean }) {
  const search = useSignal('');
  const all = useComputed(() => {
    const nodes = lab.nodes.items.value;
    return nodeViews(only ? nodes.filter((n) => only(n.metadata.labels ?? {})) : nodes, lab.pods.items.value);
  });
  const shown = searchNodes(all.value, search.value);
  const kind = density(shown.length);
  const prefix = kind === 'cards' ? '' : sharedPrefix(shown.map((n) => n.name));
  return (
    <section class="cluster panel" aria-label="Cluster">
      <header class="panel-head">
        <h2>Nodes <span class="count">{all.value.length.toLocaleString('en')}</span></h2>
        {all.value.length > 6 && (
          <input type="search" placeholder="Find by name, label, taint" aria-label="Find nodes" value={search.value} onInput={(event) => (search.value = event.currentTarget.value)} />
        )}
      </header>
      {all.value.length === 0 && lab.nodes.synced.value && <p class="quiet">No nodes.</p>}
      <ul class={`nodes ${kind}`}>
        {shown.slice(0, mostShown).map((node) =>
          kind === 'cards' ? <NodeCard key={node.name} node={node} /> : kind === 'rows' ? <NodeRow key={node.name} node={node} signature={signatureOf(node)} prefix={prefix} /> : <NodeTile key={node.name} node={node} signature={signatureOf(node)} chosen={selectedNode.value === node.name} />,
        )}
      </ul>
      {kind === 'tiles' && <TileDetail nodes={shown} />}
      {shown.length > mostShown && <p class="quiet">{shown.length - mostShown} more: search to narrow them down.</p>}
    </section>
  );
}

const cpuShare = (node: NodeView) => share(node.used.cpuMilli, node.allocatable.cpuMilli);
const memoryShare = (node: NodeView) => share(node.used.memoryBytes, node.allocatable.memoryBytes);
/** A node is drawn anew only when this changes. */
const signatureOf = (node: NodeView) => `${node.pods.length}|${node.used.cpuMilli}|${node.used.memoryBytes}|${node.ready}|${node.cordoned}|${node.taints.join()}`;

function Bar({ label, value, text }: { label: string; value: number; text: string }) {
  return (
    <div class={`bar${value > 0.9 ? ' full' : ''}`} role="img" aria-label={`${label}: ${text}`} title={`${label}: ${text}`}>
      <span class="label" aria-hidden="true">{label}</span>
      <span class="track"><span class="fill" style={{ width: `${Math.min(100, value * 100)}%` }} /></span>
      <span class="text" aria-hidden="true">{text}</span>
    </div>
  );
}

function Flags({ node }: { node: NodeView }) {
  return (
    <>
      {!node.ready && <span class="flag bad">not ready</span>}
      {node.cordoned && <span class="flag warn">cordoned</span>}
      {node.taints.filter((taint) => !taint.startsWith('lab.pilothouse.dev/')).map((taint) => <span key={taint} class="flag taint" title={`taint ${taint}`}>{taint}</span>)}
    </>
  );
}

function NodeCard({ node }: { node: NodeView }) {
  const blocks = node.pods.slice(0, mostBlocks);
  const named = node.pods.length <= mostNamed;
  return (
    <li class={`node card${node.cordoned || !node.ready ? ' off' : ''}`}>
      <h3>
        <span class="name" title={node.name}>{short(node.name)}</span>
        {node.zone && <span class="zone" title="zone">{node.zone}</span>}
      </h3>
      <Bar label="cpu" value={cpuShare(node)} text={`${cpuText(node.used.cpuMilli)} / ${cpuText(node.allocatable.cpuMilli)}`} />
      <Bar label="mem" value={memoryShare(node)} text={`${memoryText(node.used.memoryBytes)} / ${memoryText(node.allocatable.memoryBytes)}`} />
      <div class={`blocks${named ? ' named' : ''}`}>
        {blocks.map((pod) => (
          <button
            key={pod.key}
            type="button"
            class={`block${pod.leaving ? ' leaving' : ''}${pod.phase === 'Running' ? ' running' : ''}`}
            aria-pressed={selectedPod.value === pod.key}
            aria-label={`pod ${pod.key}${pod.leaving ? ', leaving' : ''}`}
            title={`${pod.key}\n${cpuText(pod.requests.cpuMilli)} cpu, ${memoryText(pod.requests.memoryBytes)}${pod.priority ? `, priority ${pod.priority}` : ''}${pod.leaving ? '\nleaving' : ''}`}
            onClick={() => selectPod(pod.key)}
          >
            {named && <span>{pod.name}</span>}
          </button>
        ))}
        {node.pods.length > mostBlocks && <span class="more">+{node.pods.length - mostBlocks}</span>}
      </div>
      <div class="flags"><Flags node={node} /></div>
    </li>
  );
}

const NodeRow = memo(
  ({ node, prefix }: { node: NodeView; signature: string; prefix: string }) => (
    <li class={`node row${node.cordoned || !node.ready ? ' off' : ''}`}>
      <span class="name" title={node.name}>{prefix ? `…${node.name.slice(prefix.length)}` : node.name}</span>
      <Bar label="cpu" value={cpuShare(node)} text={`${Math.round(cpuShare(node) * 100)}%`} />
      <Bar label="mem" value={memoryShare(node)} text={`${Math.round(memoryShare(node) * 100)}%`} />
      <span class="pods">{node.pods.length}</span>
      <Flags node={node} />
    </li>
  ),
  (a, b) => a.signature === b.signature && a.prefix === b.prefix && a.node.name === b.node.name,
);

const NodeTile = memo(
  ({ node, chosen }: { node: NodeView; signature: string; chosen: boolean }) => (
    <li>
      <button
        type="button"
        class={`tile${node.cordoned || !node.ready ? ' off' : ''}`}
        aria-pressed={chosen}
        aria-label={`${node.name}: cpu ${Math.round(cpuShare(node) * 100)} %, ${node.pods.length} pods`}
        title={`${node.name}\ncpu ${Math.round(cpuShare(node) * 100)} %, memory ${Math.round(memoryShare(node) * 100)} %, ${node.pods.length} pods`}
        onClick={() => (selectedNode.value = chosen ? '' : node.name)}
      >
        <span style={{ height: `${Math.min(100, Math.max(cpuShare(node), memoryShare(node)) * 100)}%` }} />
      </button>
    </li>
  ),
  (a, b) => a.signature === b.signature && a.chosen === b.chosen && a.node.name === b.node.name,
);

/** The chosen tile's node as a card. */
function TileDetail({ nodes }: { nodes: readonly NodeView[] }) {
  const node = nodes.find((n) => n.name === selectedNode.value);
  return node ? <ul class="nodes cards one"><NodeCard node={node} /></ul> : <p class="quiet">Each tile is a node, filled as far as its cpu or memory is requested. Choose one for its pods.</p>;
}
