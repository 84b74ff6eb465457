/** Pod security levels and the namespace labels that set them. @see https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
import { type FieldError, invalid } from '@pilothouse/apimachinery';

export const levels = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof levels)[number];

/** `version`: the minor version after `v1.`; Infinity for `latest`. */
export interface LevelVersion {
  level: Level;
  version: number;
}

export type Mode = 'enforce' | 'audit' | 'warn';
export type Policy = Record<Mode, LevelVersion>;

export const showLevel = ({ level, version }: LevelVersion): string => `${level}:${version === Infinity ? 'latest' : `v1.${version}`}`;
export const strictness = (level: Level): number => levels.indexOf(level);
export const sameLevel = (a: LevelVersion, b: LevelVersion): boolean => a.level === b.level && a.version === b.version;

export const privilegedPolicy: Policy = { enforce: { level: 'privileged', version: Infinity }, audit: { level: 'privileged', version: Infinity }, warn: { level: 'privileged', version: Infinity } };

export const modes: readonly Mode[] = ['enforce', 'audit', 'warn'];
const prefix = 'pod-security.kubernetes.io/';

/** What a namespace's labels ask for. A label that cannot be read enforces the strictest, but audits and warns of nothing. */
export function policyOf(labels: Record<string, string> | undefined, defaults: Policy): { policy: Policy; errors: FieldError[] } {
  const policy: Policy = { enforce: { ...defaults.enforce }, audit: { ...defaults.audit }, warn: { ...defaults.warn } };
  const errors: FieldError[] = [];
  const refuse = (label: string, value: string, why: string) => void errors.push(invalid(`metadata.labels[${label}]`, value, why));
  for (const mode of modes) {
    const level = labels?.[`${prefix}${mode}`];
    if (level !== undefined) {
      if ((levels as readonly string[]).includes(level)) policy[mode].level = level as Level;
      else {
        refuse(`${prefix}${mode}`, level, `must be one of ${levels.join(', ')}`);
        policy[mode].level = mode === 'enforce' ? 'restricted' : 'privileged';
      }
    }
    const label = `${prefix}${mode}-version`;
    const version = labels?.[label];
    if (version === undefined) continue;
    const minor = /^v1\.(0|[1-9]\d*)$/.exec(version)?.[1];
    policy[mode].version = minor === undefined ? Infinity : Number(minor);
    if (minor === undefined && version !== 'latest') refuse(label, version, 'must be "latest" or "v1.x"');
  }
  const enforced = labels?.[`${prefix}enforce`];
  if (labels?.[`${prefix}warn`] === undefined && enforced !== undefined && (levels as readonly string[]).includes(enforced) && strictness(policy.enforce.level) > strictness(policy.warn.level)) {
    policy.warn.level = policy.enforce.level;
    if (labels?.[`${prefix}warn-version`] === undefined) policy.warn.version = policy.enforce.version;
  }
  return { policy, errors };
}
