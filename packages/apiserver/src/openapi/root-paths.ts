/** The documents of the paths above and beside the group versions: `api`, `apis`, each group, version, OpenID. */
import { groupCamel, type Operation, type PathItem, tagOf } from './operations.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

const read = (path: string, operationId: string, description: string, type: string, produces: Operation['produces'] = 'object'): PathItem => ({
  path,
  parameters: [],
  operations: [{ method: 'get', operationId, description, action: '', parameters: [], responses: { 200: type }, produces }],
});

/** Document's path in the index → its tag and path item. `groups`: names of the served groups but the core one. */
export const rootDocuments = (groups: readonly string[]): ReadonlyMap<string, { tag: string; item: PathItem }> =>
  new Map([
    ['api', { tag: 'core', item: read('/api/', 'getCoreAPIVersions', 'get available API versions', `${meta}.APIVersions`) }],
    ['apis', { tag: 'apis', item: read('/apis/', 'getAPIVersions', 'get available API versions', `${meta}.APIGroupList`) }],
    ...groups.map((group): [string, { tag: string; item: PathItem }] => [`apis/${group}`, { tag: tagOf(group, ''), item: read(`/apis/${group}/`, `get${groupCamel(group)}APIGroup`, 'get information of a group', `${meta}.APIGroup`) }]),
    ['version', { tag: 'version', item: read('/version/', 'getCodeVersion', 'get the version information for this server', 'io.k8s.apimachinery.pkg.version.Info', 'json') }],
    ['.well-known/openid-configuration', { tag: 'WellKnown', item: read('/.well-known/openid-configuration/', 'getServiceAccountIssuerOpenIDConfiguration', "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'", 'string', 'json') }],
    ['openid/v1/jwks', { tag: 'openid', item: read('/openid/v1/jwks/', 'getServiceAccountIssuerOpenIDKeyset', 'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)', 'string', 'jwks') }],
  ]);
