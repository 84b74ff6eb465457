/** Checks a policy's expressions against the types of what it is about. Facts: admission/plugin/policy/validating/typechecking.go. */
import { builtinResources, builtinTypes, type FieldSchema, typeOfKind, type TypeRef } from '@pilothouse/api-schemas';
import type { ExpressionWarning, ValidatingAdmissionPolicy } from '@pilothouse/api-schemas/types/admissionregistration/v1';
import { parseApiVersion } from '@pilothouse/apimachinery';
import { compilePolicy, type DeclaredType, declareType, type Expression, provideTypes, type RuleSchema } from '@pilothouse/cel';

interface Kind {
  group: string;
  version: string;
  kind: string;
}
type Policy = ValidatingAdmissionPolicy & { spec: NonNullable<ValidatingAdmissionPolicy['spec']> };

const maxTypes = 10;
const anything: RuleSchema = { 'x-kubernetes-int-or-string': true };
const scalars: Partial<Record<TypeRef['t'], RuleSchema>> = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer' },
  int64: { type: 'integer' },
  double: { type: 'number' },
  bytes: { type: 'string', format: 'byte' },
  time: { type: 'string', format: 'date-time' },
  microTime: { type: 'string', format: 'date-time' },
  duration: { type: 'string' },
};

/** `within`: the types this one is a part of; one that holds itself says nothing further of its inside. */
function schemaOf(type: TypeRef, within: readonly string[]): RuleSchema {
  const scalar = scalars[type.t];
  if (scalar) return scalar;
  if (type.t === 'list') return { type: 'array', items: schemaOf(type.of, within) };
  if (type.t === 'map') return { type: 'object', additionalProperties: schemaOf(type.of, within) };
  return type.t === 'ref' && !within.includes(type.ref) ? schemaOfType(type.ref, within) : anything;
}
const schemaOfField = ({ type, format }: FieldSchema, within: readonly string[]): RuleSchema => (format === 'int-or-string' ? anything : schemaOf(type, within));

function schemaOfType(name: string, within: readonly string[] = []): RuleSchema {
  const inside = [...within, name];
  return { type: 'object', properties: Object.fromEntries((builtinTypes.get(name)?.fields ?? []).map((field) => [field.name, schemaOfField(field, inside)])) };
}

/** What is known of a kind that is built in. */
function declaredKind({ group, version, kind }: Kind): DeclaredType | undefined {
  const builtin = typeOfKind(group, version, kind);
  return builtin && declareType(schemaOfType(builtin.name), { root: true, name: kind });
}

const plain = (wanted: readonly string[] | undefined, pattern: RegExp): string[] => (wanted?.some((each) => pattern.test(each)) ? [] : [...(wanted ?? [])]);

/** Kinds that a policy names without wildcards. */
function kindsOf({ spec }: Policy): Kind[] {
  const found = new Map<string, Kind>();
  for (const { apiGroups, apiVersions, resources } of spec.matchConstraints?.resourceRules ?? []) {
    for (const group of plain(apiGroups, /\*/).sort())
      for (const version of plain(apiVersions, /\*/).sort())
        for (const plural of (resources ?? []).filter((each) => !/[*/]/.test(each)).sort()) {
          const kind = builtinResources.find((resource) => resource.group === group && resource.version === version && resource.name === plural)?.kind;
          if (kind && found.size < maxTypes) found.set(`${group}/${version}/${kind}`, { group, version, kind });
        }
  }
  const key = ({ group, version, kind }: Kind): string => `${group}\0${version}\0${kind}`;
  return [...found.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

const known = (declared: DeclaredType | undefined) => declared && { type: declared.type, provider: provideTypes(declared) };

/** What is likely wrong with a policy: by field, for each built-in kind that it names. */
export function typeWarnings(policy: Policy): ExpressionWarning[] {
  const { paramKind, validations = [] } = policy.spec;
  const [group, version] = parts(paramKind?.apiVersion);
  const params = known(paramKind?.kind ? declaredKind({ group, version, kind: paramKind.kind }) : undefined);
  const checked = kindsOf(policy).flatMap((kind) => {
    const object = known(declaredKind(kind));
    if (!object) return [];
    const title = `${kind.group ? `${kind.group}/` : '/'}${kind.version}, Kind=${kind.kind}`;
    return [{ title, compiled: compilePolicy(policy.spec, { known: { object, ...(params && { paramsType: params }) }, loose: true }) }];
  });
  const warnings: ExpressionWarning[] = [];
  const warn = (fieldRef: string, expressions: { title: string; expression: Expression | undefined }[]): void => {
    const texts = expressions.flatMap(({ title, expression }) => (expression?.error ? [`${title}: ${expression.error.replace(/^compilation failed: /, '')}\n`] : []));
    if (texts.length) warnings.push({ fieldRef, warning: texts.join('\n') });
  };
  validations.forEach((_, i) => {
    warn(`spec.validations[${i}].expression`, checked.map(({ title, compiled }) => ({ title, expression: compiled.validations[i].expression })));
    warn(`spec.validations[${i}].messageExpression`, checked.map(({ title, compiled }) => ({ title, expression: compiled.validations[i].message })));
  });
  return warnings;
}

function parts(apiVersion: string | undefined): [string, string] {
  const { group, version } = parseApiVersion(apiVersion ?? '');
  return [group, version];
}
