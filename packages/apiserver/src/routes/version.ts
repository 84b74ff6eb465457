/** `/version`: which Kubernetes this server answers as. */
import type { NonResourceRoute } from '../options.ts';
import { rawJson } from '../request/respond.ts';

/** The release whose API is served. */
export const kubernetesVersion = { major: '1', minor: '36', gitVersion: 'v1.36.2' } as const;

/** `buildDate` as RFC 3339; `gitCommit` of this program, '' where unknown. */
export const versionRoute = (build: { gitCommit: string; buildDate: string; runtime: string; platform: string }): NonResourceRoute => ({
  path: '/version',
  exact: true,
  handle: () =>
    rawJson({
      major: kubernetesVersion.major,
      minor: kubernetesVersion.minor,
      emulationMajor: '1',
      emulationMinor: '36',
      minCompatibilityMajor: '1',
      minCompatibilityMinor: '35',
      gitVersion: kubernetesVersion.gitVersion,
      gitCommit: build.gitCommit,
      gitTreeState: '',
      buildDate: build.buildDate,
      goVersion: build.runtime,
      compiler: 'pilothouse',
      platform: build.platform,
    }),
});
