/** Which names a definition has: those it asks for and no other of its group has taken. Pure. Facts: apiextensions controller/status. */
import type { CustomResourceDefinition, CustomResourceDefinitionNames as Names } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { equalJson } from '@pilothouse/apimachinery';
import { type Condition, conditionOf, sameCondition, withCondition } from '../conditions.ts';

/** The definition with its accepted names and what they mean for its conditions; undefined where nothing changes. `group`: all definitions of its group. */
export function nameDefinition(crd: CustomResourceDefinition, group: readonly CustomResourceDefinition[], nowMs: number): CustomResourceDefinition | undefined {
  const wanted = crd.spec.names;
  const held: Partial<Names> = crd.status?.acceptedNames ?? {};
  if (equalJson(withoutEmpty(wanted), withoutEmpty(held))) return undefined;
  const { names, condition } = negotiate(wanted, held, group);
  if (equalJson(withoutEmpty(names), withoutEmpty(held)) && sameCondition(condition, conditionOf(crd, 'NamesAccepted'))) return undefined;
  const named = withCondition({ ...crd, status: { ...crd.status!, acceptedNames: names } }, condition, nowMs);
  return withCondition(named, establishing(crd, condition), nowMs);
}

const withoutEmpty = (names: Partial<Names>): object => Object.fromEntries(Object.entries(names).filter(([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && !value.length)));

function negotiate(wanted: Names, held: Partial<Names>, group: readonly CustomResourceDefinition[]): { names: Names; condition: Condition } {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of group) {
    const taken: Partial<Names> = status?.acceptedNames ?? {};
    for (const name of [taken.plural ?? '', taken.singular ?? '', ...(taken.shortNames ?? [])]) resources.add(name);
    for (const name of [taken.kind ?? '', taken.listKind ?? '']) kinds.add(name);
  }
  const names: Names = { ...held, plural: held.plural ?? '', kind: held.kind ?? '' };
  let conflict: { reason: string; message: string } | undefined;
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;
  const claim = (key: 'plural' | 'singular' | 'kind' | 'listKind', reason: string, taken: ReadonlySet<string>): void => {
    const name = wanted[key] ?? '';
    if (name !== (held[key] ?? '') && taken.has(name)) conflict = { reason, message: inUse(name) };
    else names[key] = name;
  };
  claim('plural', 'PluralConflict', resources);
  claim('singular', 'SingularConflict', resources);
  const refused = (wanted.shortNames ?? []).filter((name) => !held.shortNames?.includes(name) && resources.has(name)).map(inUse);
  if (refused.length) conflict = { reason: 'ShortNamesConflict', message: refused.length === 1 ? refused[0] : `[${refused.join(', ')}]` };
  else if (wanted.shortNames?.length) names.shortNames = wanted.shortNames;
  else delete names.shortNames;
  claim('kind', 'KindConflict', kinds);
  claim('listKind', 'ListKindConflict', kinds);
  if (wanted.categories?.length) names.categories = wanted.categories;
  else delete names.categories;
  for (const key of ['singular', 'listKind'] as const) if (!names[key]) delete names[key];
  return { names, condition: conflict ? { type: 'NamesAccepted', status: 'False', ...conflict } : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' } };
}

function establishing(crd: CustomResourceDefinition, accepted: Condition): Condition {
  const old = conditionOf(crd, 'Established');
  if (old?.status !== 'True' && accepted.status === 'True') return { type: 'Established', status: 'False', reason: 'Installing', message: 'the initial names have been accepted' };
  if (old) return { type: 'Established', status: old.status, reason: old.reason ?? '', message: old.message ?? '' };
  return { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
}
