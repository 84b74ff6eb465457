import { expect, test } from 'vitest';
import { requestInfo } from './info.ts';

test.each([
  ['GET', '/api/v1/namespaces/ns/pods/web', 'get core/v1 pods ns/web'],
  ['GET', '/api/v1/namespaces/ns/pods', 'list core/v1 pods ns/'],
  ['GET', '/api/v1/pods?watch=true', 'watch core/v1 pods /'],
  ['GET', '/api/v1/pods?watch=false', 'list core/v1 pods /'],
  ['GET', '/api/v1/pods?watch=1&fieldSelector=metadata.name%3Dweb', 'watch core/v1 pods /web'],
  ['GET', '/api/v1/watch/namespaces/ns/pods/web', 'watch core/v1 pods ns/web'],
  ['POST', '/apis/apps/v1/namespaces/ns/deployments', 'create apps/v1 deployments ns/'],
  ['PATCH', '/apis/apps/v1/namespaces/ns/deployments/d/scale', 'patch apps/v1 deployments/scale ns/d'],
  ['DELETE', '/apis/apps/v1/namespaces/ns/deployments', 'deletecollection apps/v1 deployments ns/'],
  ['GET', '/api/v1/namespaces/ns', 'get core/v1 namespaces ns/ns'],
  ['PUT', '/api/v1/namespaces/ns/finalize', 'update core/v1 namespaces/finalize ns/ns'],
  ['GET', '/api/v1/namespaces', 'list core/v1 namespaces /'],
  ['GET', '/api/v1/nodes/n/proxy/stats/summary', 'get core/v1 nodes/proxy /n'],
  ['GET', '/api/v1/namespaces/ns/configmaps/a%2Fb', 'get core/v1 configmaps/b ns/a'],
  ['POST', '/api/v1/namespaces/ns/pods/web/exec?command=ls', 'create core/v1 pods/exec ns/web'],
])('%s %s is %s', (method, url, wanted) => {
  const i = requestInfo(method, url);
  expect(`${i.verb} ${i.group || 'core'}/${i.version} ${i.resource}${i.subresource && `/${i.subresource}`} ${i.namespace}/${i.name}`).toBe(wanted);
});

test.each(['/', '/healthz', '/api', '/api/v1', '/apis/apps', '/apis/apps/v1', '/openapi/v2', '/%zz'])('%s is no resource', (url) => {
  expect(requestInfo('GET', url)).toMatchObject({ isResource: false, verb: 'get' });
});
