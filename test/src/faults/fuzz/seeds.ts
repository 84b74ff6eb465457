/** The least that each kind accepts: what generators start from. */
import type { ResourceFacts } from '@pilothouse/api-schemas';
import { thing } from './custom.ts';

const selector = { matchLabels: { app: 'web' } };
const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'tool:1', ports: [{ containerPort: 80 }], env: [{ name: 'A', value: 'b' }], resources: { requests: { cpu: '100m', memory: '64Mi' } } }] } };
const once = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' };
const subjects = [{ kind: 'User', name: 'ann', apiGroup: 'rbac.authorization.k8s.io' }];
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];
const webhook = { name: 'a.example.com', clientConfig: { url: 'https://127.0.0.1:1/x' }, rules: [{ operations: ['CREATE'], apiGroups: ['fuzz.example.com'], apiVersions: ['v1'], resources: ['nothings'] }], sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Ignore' };
const matchConstraints = { resourceRules: [{ apiGroups: ['fuzz.example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['nothings'] }] };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const devices = { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu.example.com' } }] };

/** By `plural.group`; what needs the object's name is a function of it. */
const seeds: Readonly<Record<string, object | ((name: string) => object)>> = {
  'configmaps.': { data: { a: 'b', c: 'd' }, binaryData: { e: 'AAEC' } },
  'endpoints.': { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80, name: 'http' }] }] },
  'events.': { involvedObject: { kind: 'Pod', name: 'web' }, reason: 'Started', message: 'it runs', type: 'Normal' },
  'limitranges.': { spec: { limits: [{ type: 'Container', max: { cpu: '100' } }] } },
  'nodes.': { spec: { podCIDR: '10.244.1.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] } },
  'persistentvolumeclaims.': { spec: { ...claim, storageClassName: '' } },
  'persistentvolumes.': { spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/x' } } },
  'pods.': { spec: { ...template.spec, volumes: [{ name: 'v', emptyDir: {} }], tolerations: [{ key: 'a', operator: 'Exists' }] } },
  'podtemplates.': { template },
  'replicationcontrollers.': { spec: { replicas: 0, selector: { app: 'web' }, template } },
  'resourcequotas.': { spec: { hard: { 'count/nothings.fuzz.example.com': '1' } } },
  'secrets.': { data: { a: 'Yg==' }, stringData: { c: 'd' }, type: 'Opaque' },
  'serviceaccounts.': { secrets: [{ name: 's' }] },
  'services.': { spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }], clusterIP: 'None' } },
  'apiservices.apiregistration.k8s.io': () => ({ metadata: { name: 'v1.fuzz.example.com' }, spec: { group: 'fuzz.example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10 } }),
  'controllerrevisions.apps': { data: { spec: { a: 1 } }, revision: 1 },
  'daemonsets.apps': { spec: { selector, template } },
  'deployments.apps': { spec: { replicas: 0, selector, template, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } } } },
  'replicasets.apps': { spec: { replicas: 0, selector, template } },
  'statefulsets.apps': { spec: { replicas: 0, serviceName: 'web', selector, template, volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: claim }] } },
  'events.events.k8s.io': { eventTime: '2026-01-02T03:04:05.123456Z', reportingController: 'example.com/c', reportingInstance: 'i', action: 'Do', reason: 'Done', regarding: { kind: 'Pod', name: 'web' }, type: 'Normal' },
  'horizontalpodautoscalers.autoscaling': { spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' } } },
  'cronjobs.batch': { spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: once } } } },
  'jobs.batch': { spec: { template: once, completions: 1, suspend: true } },
  'certificatesigningrequests.certificates.k8s.io': { spec: { request: 'AAAA', signerName: 'example.com/s', usages: ['client auth'] } },
  'ingressclasses.networking.k8s.io': { spec: { controller: 'example.com/c' } },
  'ingresses.networking.k8s.io': { spec: { rules: [{ host: 'a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] } }] } },
  'ipaddresses.networking.k8s.io': (name) => ({ metadata: { name: `10.9.${name.charCodeAt(1) % 250}.${(name.charCodeAt(2) * name.charCodeAt(3)) % 250}` }, spec: { parentRef: { resource: 'services', namespace: 'default', name: 'x' } } }),
  'networkpolicies.networking.k8s.io': { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 80, protocol: 'TCP' }] }], policyTypes: ['Ingress'] } },
  'servicecidrs.networking.k8s.io': { spec: { cidrs: ['10.200.0.0/24'] } },
  'poddisruptionbudgets.policy': { spec: { minAvailable: '50%', selector } },
  'clusterrolebindings.rbac.authorization.k8s.io': { roleRef, subjects },
  'clusterroles.rbac.authorization.k8s.io': { rules },
  'rolebindings.rbac.authorization.k8s.io': { roleRef, subjects },
  'roles.rbac.authorization.k8s.io': { rules },
  'csidrivers.storage.k8s.io': { spec: { attachRequired: true } },
  'csinodes.storage.k8s.io': { spec: { drivers: [{ name: 'd.example.com', nodeID: 'n', topologyKeys: ['zone'] }] } },
  'csistoragecapacities.storage.k8s.io': { storageClassName: 'fast', capacity: '1Gi' },
  'storageclasses.storage.k8s.io': { provisioner: 'example.com/p', parameters: { a: 'b' } },
  'volumeattachments.storage.k8s.io': { spec: { attacher: 'd.example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } } },
  'volumeattributesclasses.storage.k8s.io': { driverName: 'd.example.com', parameters: { a: 'b' } },
  'mutatingadmissionpolicies.admissionregistration.k8s.io': { spec: { matchConstraints, reinvocationPolicy: 'Never', mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{}' } }] } },
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': { spec: { policyName: 'p' } },
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks: [webhook] },
  'validatingadmissionpolicies.admissionregistration.k8s.io': { spec: { matchConstraints, validations: [{ expression: 'object.metadata.name.size() < 100' }] } },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': { spec: { policyName: 'p', validationActions: ['Deny'] } },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks: [webhook] },
  'customresourcedefinitions.apiextensions.k8s.io': (name) => ({
    metadata: { name: `${name}s.fuzz.example.com` },
    spec: { group: 'fuzz.example.com', scope: 'Namespaced', names: { plural: `${name}s`, singular: name, kind: `${name[0].toUpperCase()}${name.slice(1)}` }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer', minimum: 0 }, tags: { type: 'array', items: { type: 'string' } } } } } } }, subresources: { status: {} } }] },
  }),
  'priorityclasses.scheduling.k8s.io': { value: 100, description: 'x' },
  'leases.coordination.k8s.io': { spec: { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime: '2026-01-02T03:04:05.123456Z' } },
  'runtimeclasses.node.k8s.io': { handler: 'runc' },
  'endpointslices.discovery.k8s.io': { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
  'deviceclasses.resource.k8s.io': { spec: { selectors: [{ cel: { expression: 'device.driver == "gpu.example.com"' } }] } },
  'resourceclaims.resource.k8s.io': { spec: { devices } },
  'resourceclaimtemplates.resource.k8s.io': { spec: { spec: { devices } } },
  'resourceslices.resource.k8s.io': { spec: { driver: 'gpu.example.com', nodeName: 'n', pool: { name: 'p', generation: 1, resourceSliceCount: 1 }, devices: [{ name: 'd0', attributes: { model: { string: 'x' } } }] } },
  'flowschemas.flowcontrol.apiserver.k8s.io': { spec: { matchingPrecedence: 9000, priorityLevelConfiguration: { name: 'catch-all' }, rules: [{ subjects: [{ kind: 'User', user: { name: 'nobody' } }], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/nothing'] }] }] } },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': { spec: { type: 'Limited', limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } } } },
  'tokenreviews.authentication.k8s.io': { spec: { token: 'x' } },
  'localsubjectaccessreviews.authorization.k8s.io': { spec: { user: 'ann', resourceAttributes: { namespace: 'fuzz', verb: 'get', resource: 'pods' } } },
  'selfsubjectaccessreviews.authorization.k8s.io': { spec: { resourceAttributes: { verb: 'get', resource: 'pods' } } },
  'selfsubjectrulesreviews.authorization.k8s.io': { spec: { namespace: 'fuzz' } },
  'subjectaccessreviews.authorization.k8s.io': { spec: { user: 'ann', groups: ['g'], resourceAttributes: { verb: 'get', resource: 'pods' } } },
  'things.things.example.com': thing,
  'bindings.': { target: { kind: 'Node', name: 'n' } },
};

/** An object's fields beside kind and metadata, and what its metadata must say. */
export function seedOf({ name: plural, group }: Pick<ResourceFacts, 'name' | 'group'>, name: string): object {
  const seed = seeds[`${plural}.${group}`] ?? {};
  return typeof seed === 'function' ? seed(name) : seed;
}
