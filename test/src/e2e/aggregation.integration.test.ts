import { spawn } from 'node:child_process';
import { connect as connectTls } from 'node:tls';
import { loadKubeconfig } from '@pilothouse/client';
import { beforeAll, describe, expect, test } from 'vitest';
import { type NotesServer, startNotes } from './notes-server.ts';
import { clusterForTest, eventually, kubectlFor, lacking } from './tools.ts';

const group = 'notes.example.com';
const service = (port: number) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'notes', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] } });
const apiService = (port: number, caBundle: string, spec: object = {}) => ({ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: `v1.${group}` }, spec: { group, version: 'v1', groupPriorityMinimum: 2000, versionPriority: 15, service: { namespace: 'default', name: 'notes', port }, caBundle, ...spec } });
const note = (name: string) => ({ apiVersion: `${group}/v1`, kind: 'Note', metadata: { name }, text: 'remember' });

describe.skipIf(lacking({ commands: ['kubectl'] }))('an extension API server behind an APIService', () => {
  let kubectl: ReturnType<typeof kubectlFor>;
  let kubeconfig: string;
  let notes: NotesServer;
  let port: number;
  const apply = (object: object) => kubectl('apply -f -', { input: JSON.stringify(object) });
  const condition = async () => JSON.parse(await kubectl(`get apiservice v1.${group} -o json`)).status?.conditions?.[0];
  const available = (status: string, reason: string) => eventually(`the condition ${reason}`, condition, (one) => one?.status === status && one?.reason === reason, 40_000);
  const aggregated = async () => JSON.parse(await (await get('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' })).text);
  const versionOf = async () => (await aggregated()).items.find((one: any) => one.metadata.name === group)?.versions[0];

  /** A request of the administrator's, without kubectl in between. */
  async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; text: string; type: string }> {
    const { request } = await import('node:https');
    const access = loadKubeconfig(kubeconfig);
    return new Promise((resolve, reject) => {
      const sent = request(new URL(path, access.server), { ca: access.certificateAuthority, cert: access.clientCertificate, key: access.clientKey, headers }, async (response) => {
        let text = '';
        for await (const piece of response) text += piece;
        resolve({ status: response.statusCode!, text, type: String(response.headers['content-type']) });
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  beforeAll(async () => {
    const cluster = await clusterForTest({ store: 'memory', flags: ['--hollow-nodes', '0', '--explain=false'] });
    kubeconfig = cluster.kubeconfig;
    kubectl = kubectlFor(kubeconfig);
    notes = await startNotes(kubeconfig);
    port = notes.listener.port;
  }, 60_000);

  test('it is unavailable until its service is there, then kubectl reads and writes through it', async () => {
    await apply(apiService(port, notes.caBundle));
    expect(await available('False', 'ServiceNotFound')).toMatchObject({ message: 'service/notes in "default" is not present' });
    expect(await get(`/apis/${group}/v1/notes`)).toMatchObject({ status: 503, text: 'service unavailable\n', type: 'text/plain; charset=utf-8' });
    expect(await versionOf()).toEqual({ version: 'v1', freshness: 'Stale' });
    await apply(service(port));
    expect(await available('True', 'Passed')).toMatchObject({ message: 'all checks passed' });

    await kubectl('create -f -', { input: JSON.stringify(note('a')) });
    expect(await kubectl('get nt -o name')).toBe(`note.${group}/a`);
    expect(JSON.parse(await kubectl('get notes a -o json'))).toMatchObject({ kind: 'Note', text: 'remember', metadata: { namespace: 'default' } });
    expect(await kubectl('get notes b').catch(String)).toContain(`Error from server (NotFound): notes.${group} "b" not found`);
    expect(await kubectl('explain note.text')).toContain('what to remember');
    expect(notes.seen[0].user).toMatchObject({ name: 'admin', groups: ['system:masters', 'system:authenticated'] });
    expect(notes.seen[0].headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(notes.seen[0].headers.authorization).toBeUndefined();
  });

  test('discovery tells of it in all its forms', async () => {
    const groups = JSON.parse((await get('/apis')).text).groups.map((one: any) => one.name);
    // Its priority stands between that of the built-in groups and that of custom resources.
    expect(groups[0]).toBe('apiregistration.k8s.io');
    expect(groups.at(-1)).toBe(group);
    expect(JSON.parse((await get(`/apis/${group}`)).text)).toMatchObject({ kind: 'APIGroup', name: group, preferredVersion: { groupVersion: `${group}/v1` } });
    expect(await eventually('fresh discovery', versionOf, (one) => one.freshness === 'Current')).toEqual({
      version: 'v1', freshness: 'Current',
      resources: [{ resource: 'notes', responseKind: { group: '', version: '', kind: 'Note' }, scope: 'Namespaced', singularResource: 'note', verbs: ['create', 'delete', 'get', 'list', 'watch'], shortNames: ['nt'], subresources: [{ subresource: 'echo', responseKind: { group: '', version: '', kind: 'Note' }, verbs: ['get'] }] }],
    });
    const index = JSON.parse((await get('/openapi/v3')).text).paths;
    expect(index[`apis/${group}/v1`].serverRelativeURL).toMatch(new RegExp(`^/openapi/v3/apis/${group}/v1\\?hash=[0-9A-F]{128}$`));
    expect(JSON.parse((await get(index[`apis/${group}/v1`].serverRelativeURL)).text).info.title).toBe('notes');
    expect(Object.keys(index)).toContain('apis/apps/v1');
    const swagger = JSON.parse((await get('/openapi/v2')).text);
    expect(Object.keys(swagger.paths)).toEqual(expect.arrayContaining([`/apis/${group}/v1/notes`, '/apis/apps/v1/deployments']));
    expect(swagger.paths['/elsewhere']).toBeUndefined();
    expect(swagger.definitions['com.example.notes.v1.Note'].description).toBe('Note is a text to be remembered.');
  });

  test('a watch passes events on as they come, and ends at the server when the client goes', async () => {
    const watching = spawn('kubectl', ['--kubeconfig', kubeconfig, 'get', 'notes', '--watch-only', '-o', 'name']);
    let text = '';
    watching.stdout.on('data', (piece) => { text += piece; });
    await eventually('the watch', async () => notes.watching(), (n) => n === 1);
    await kubectl('create -f -', { input: JSON.stringify(note('w')) });
    await eventually('the event', async () => text, (seen) => seen.includes(`note.${group}/w`));
    watching.kill('SIGKILL');
    await eventually('the end of the watch', async () => notes.watching(), (n) => n === 0);
  });

  test('who may do what is decided by the roles of the cluster, and asked of it by the extension', async () => {
    await kubectl('create clusterrole note-reader --verb=get,list --resource=notes.notes.example.com');
    await kubectl('create clusterrolebinding note-reader --clusterrole=note-reader --user=jürgen');
    const bytes = (text: string) => Buffer.from(text).toString('latin1');
    expect(await get(`/apis/${group}/v1/namespaces/default/notes/a`, { 'impersonate-user': bytes('jürgen'), 'impersonate-group': bytes('Müller & Söhne'), 'impersonate-extra-example.com%2fwhy': bytes('ü') })).toMatchObject({ status: 200 });
    expect(notes.seen.at(-1)!.user).toEqual({ name: 'jürgen', groups: ['Müller & Söhne', 'system:authenticated'], extra: { 'example.com/why': ['ü'] } });
    expect(await kubectl('--as jürgen delete notes a').catch(String)).toContain(`notes.${group} "a" is forbidden: User "jürgen" cannot delete resource "notes" in API group "${group}" in the namespace "default"`);
    // Asked itself, it takes nobody's word but the front proxy's.
    const { request } = await import('node:https');
    const status = await new Promise<number>((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: `/apis/${group}/v1/notes`, rejectUnauthorized: false, headers: { 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' } }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      }).on('error', reject).end();
    });
    expect(status).toBe(403);
  });

  test('a connection that changes its protocol is passed through', async () => {
    const access = loadKubeconfig(kubeconfig);
    const socket = connectTls({ host: '127.0.0.1', port: Number(new URL(access.server).port), ca: access.certificateAuthority, cert: access.clientCertificate, key: access.clientKey, ALPNProtocols: ['http/1.1'] });
    let text = '';
    socket.on('data', (piece) => { text += piece; });
    socket.write(`GET /apis/${group}/v1/namespaces/default/notes/a/echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
    await eventually('the switch', async () => text, (seen) => seen.startsWith('HTTP/1.1 101'));
    socket.write('hello');
    await eventually('the echo', async () => text, (seen) => seen.endsWith('hello'));
    socket.destroy();
    expect(notes.seen.at(-1)!.user.name).toBe('admin');
  });

  test('owners and namespaces take their notes along', async () => {
    const kept = async () => JSON.parse(await kubectl('get notes -A -o json')).items.map((item: any) => item.metadata.name);
    await kubectl('create configmap owner');
    const { uid } = JSON.parse(await kubectl('get configmap owner -o json')).metadata;
    await kubectl('create -f -', { input: JSON.stringify({ ...note('owned'), metadata: { name: 'owned', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }] } }) });
    await kubectl('delete configmap owner');
    await eventually('the note to go with its owner', kept, (names) => !names.includes('owned'), 60_000);
    await kubectl('create namespace noted');
    await kubectl('-n noted create -f -', { input: JSON.stringify(note('inside')) });
    await kubectl('delete namespace noted --timeout=40s', { limitMs: 50_000 });
    expect(await kept()).not.toContain('inside');
  }, 120_000);

  test('one that stops is told to be unavailable, and is used again when it comes back', async () => {
    await notes.stop();
    // The condition follows only when it is asked again; until then the connection says it.
    const answer = await get(`/apis/${group}/v1/notes`);
    expect([answer.status, answer.text]).toEqual([503, expect.stringMatching(/^(error trying to reach service: dial tcp .*:\d+: connect: connection refused|service unavailable)\n$/)]);
    await kubectl('annotate service notes touched=yes');
    expect(await available('False', 'FailedDiscoveryCheck')).toMatchObject({ message: expect.stringMatching(/^failing or missing response from https:\/\/localhost:\d+\/apis\/notes\.example\.com\/v1: Get "https:\/\/localhost:\d+\/apis\/notes\.example\.com\/v1": dial tcp .*: connect: connection refused$/) });
    expect(await kubectl('get pods')).toBe('');
    notes = await startNotes(kubeconfig, { port });
    await kubectl(['patch', 'apiservice', `v1.${group}`, '--type=merge', '-p', JSON.stringify({ spec: { caBundle: notes.caBundle } })]);
    await available('True', 'Passed');
    expect(await kubectl('get notes -o name')).toBe('');
  }, 90_000);

  test('a certificate of another authority or another name is refused', async () => {
    const { caBundle } = await startNotes(kubeconfig).then(async (other) => (await other.stop(), other));
    await apply(apiService(port, caBundle));
    await kubectl('annotate service notes touched=again --overwrite');
    expect((await available('False', 'FailedDiscoveryCheck')).message).toContain('x509: certificate signed by unknown authority');
    await apply(apiService(port, notes.caBundle));
    await available('True', 'Passed');
  }, 90_000);

  test('without its APIService the group is gone; a definition of the same name serves it then, and yields to a new one', async () => {
    await kubectl(`delete apiservice v1.${group}`);
    await eventually('the group to go', async () => (await get(`/apis/${group}`)).status, (status) => status === 404);
    expect((await versionOf())).toBeUndefined();
    const definition = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `notes.${group}` }, spec: { group, scope: 'Namespaced', names: { plural: 'notes', kind: 'Note' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { text: { type: 'string' } } } } }] } };
    await apply(definition);
    await kubectl(`wait --for=condition=Established crd/notes.${group}`);
    await eventually('the local APIService', condition, (one) => one?.reason === 'Local');
    await eventually('a note kept here', () => kubectl('create -f -', { input: JSON.stringify(note('local')) }), Boolean);
    // A managed APIService goes back to what is wanted; one of somebody else's stays.
    await kubectl(['patch', 'apiservice', `v1.${group}`, '--type=merge', '-p', JSON.stringify({ spec: { versionPriority: 7 } })]);
    await eventually('the priority to come back', () => kubectl(`get apiservice v1.${group} -o jsonpath={.spec.versionPriority}`), (value) => value === '100');
    await kubectl(['label', 'apiservice', `v1.${group}`, 'kube-aggregator.kubernetes.io/automanaged-']);
    await apply(apiService(port, notes.caBundle));
    await available('True', 'Passed');
    expect(await kubectl('get notes -o name')).toBe('');
    await kubectl(`delete apiservice v1.${group}`);
    await eventually('the notes kept here', () => kubectl('get notes -o name'), (names) => names === `note.${group}/local`);
    await notes.stop();
  }, 90_000);
});
