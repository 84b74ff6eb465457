/** The operations of custom resources: fewer than built-in ones have, and in fewer forms. Facts: apiextensions controller/openapi/builder. */
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { customTypeName } from './custom-schema.ts';
import { an, deleteParameters, groupCamel, listParameters, type Operation, type Parameter, type PathItem, pathParameter, pretty, query, sorted, writeParameters } from './operations.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const scale = 'io.k8s.api.autoscaling.v1.Scale';
const bodyForms = ['application/json', 'application/yaml'];
const patchForms = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];
const capital = (text: string): string => text[0].toUpperCase() + text.slice(1);

export function customPaths(crd: CustomResourceDefinition, version: string): PathItem[] {
  const { group, scope, names } = crd.spec;
  const { kind, plural, listKind = `${kind}List` } = names;
  const namespaced = scope === 'Namespaced';
  const root = `/apis/${group}/${version}`;
  const collection = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const prefix = `${groupCamel(group)}${capital(version)}`;
  const scoped = `${namespaced ? 'Namespaced' : ''}${kind}`;
  const type = customTypeName(group, version, kind);
  const list = customTypeName(group, version, listKind);
  const gvk = { group, kind, version };
  const operation = (method: Operation['method'], action: string, operationId: string, description: string, parameters: Parameter[], responses: Record<string, string>, body?: Operation['body']): Operation => ({ method, operationId, description, action, gvk, parameters, responses, produces: 'custom', consumes: method === 'patch' ? patchForms : bodyForms, ...(body && { body }) });
  const listAction = (operationId: string, parameters: Parameter[]): Operation => operation('get', 'list', operationId, `list objects of kind ${kind}`, parameters, { 200: list });
  const place = namespaced ? [pathParameter('namespace')] : [];
  const onObject = [pathParameter('name'), ...place, pretty];

  /** Reading, replacing and patching an object, or a part of it. */
  const access = (sub: string, of: string): Operation[] => {
    const suffix = sub && capital(sub);
    const what = sub ? `${sub} of the specified ${kind}` : `the specified ${kind}`;
    return [
      operation('get', 'get', `read${prefix}${scoped}${suffix}`, `read ${what}`, [query('resourceVersion')], { 200: of }),
      operation('put', 'put', `replace${prefix}${scoped}${suffix}`, `replace ${what}`, writeParameters, { 200: of, 201: of }, { type: of, required: true }),
      operation('patch', 'patch', `patch${prefix}${scoped}${suffix}`, `partially update ${what}`, sorted([...writeParameters, query('force', 'boolean')]), { 200: of }, { type: `${meta}.Patch`, required: true }),
    ];
  };
  const items: PathItem[] = [
    {
      path: collection,
      parameters: sorted([...place, pretty]),
      operations: [
        listAction(`list${prefix}${scoped}`, listParameters),
        operation('post', 'post', `create${prefix}${scoped}`, `create ${an(kind)}`, writeParameters, { 200: type, 201: type, 202: type }, { type, required: true }),
        operation('delete', 'deletecollection', `delete${prefix}Collection${scoped}`, `delete collection of ${kind}`, listParameters, { 200: `${meta}.Status` }),
      ],
    },
    {
      path: `${collection}/{name}`,
      parameters: sorted(onObject),
      operations: [...access('', type), operation('delete', 'delete', `delete${prefix}${scoped}`, `delete ${an(kind)}`, deleteParameters, { 200: `${meta}.Status`, 202: `${meta}.Status` }, { type: `${meta}.DeleteOptions`, required: false })],
    },
  ];
  if (namespaced) items.push({ path: `${root}/${plural}`, parameters: sorted([...listParameters, pretty]), operations: [listAction(`list${prefix}${kind}ForAllNamespaces`, [])] });
  const subresources = crd.spec.versions.find((one) => one.name === version)?.subresources;
  if (subresources?.status) items.push({ path: `${collection}/{name}/status`, parameters: sorted(onObject), operations: access('status', type) });
  if (subresources?.scale) items.push({ path: `${collection}/{name}/scale`, parameters: sorted(onObject), operations: access('scale', scale) });
  return items.sort((a, b) => (a.path < b.path ? -1 : 1));
}
