/** Containers, init containers and ephemeral containers. */
import { dns1123Label, duplicate, type FieldError, forbidden, invalid, notFound, notSupported, portName, portNumber, required, tooMany } from '@pilothouse/apimachinery';
import type { Container, ContainerPort, EphemeralContainer, PodSpec, Volume } from '@pilothouse/api-schemas/types/core/v1';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateLifecycle, validateProbe } from './handlers.ts';
import { checkName } from './check-name.ts';
import { validateRequirements } from './resources.ts';
import { validateSecurityContext } from './security-context.ts';
import { validateDevices, validateMounts } from './volumes.ts';

export interface ContainerContext {
  spec: PodSpec;
  volumes: ReadonlyMap<string, Volume>;
  claimNames: ReadonlySet<string>;
  hostUsers: boolean;
}

const protocols = ['SCTP', 'TCP', 'UDP'];

function validatePorts(errors: FieldError[], ports: readonly ContainerPort[] | undefined, path: string): void {
  const names = new Set<string>();
  ports?.forEach((port, i) => {
    const at = `${path}[${i}]`;
    if (port.name) {
      const messages = portName(port.name);
      for (const message of messages) errors.push(invalid(`${at}.name`, port.name, message));
      if (!messages.length && names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(`${at}.containerPort`));
    else checkName(errors, `${at}.containerPort`, port.containerPort, portNumber);
    if (port.hostPort) checkName(errors, `${at}.hostPort`, port.hostPort, portNumber);
    if (!port.protocol) errors.push(required(`${at}.protocol`));
    else if (!protocols.includes(port.protocol)) errors.push(notSupported(`${at}.protocol`, port.protocol, protocols));
  });
}

function validateResizePolicy(errors: FieldError[], container: Container, path: string, restartPolicy: string | undefined): void {
  const seen = new Set<string>();
  container.resizePolicy?.forEach(({ resourceName, restartPolicy: policy }, i) => {
    if (seen.has(resourceName)) errors.push(duplicate(`${path}[${i}]`, resourceName));
    seen.add(resourceName);
    if (!resourceName) errors.push(required(path));
    else if (resourceName !== 'cpu' && resourceName !== 'memory') errors.push(notSupported(path, resourceName, ['cpu', 'memory']));
    if (!policy) errors.push(required(path));
    else if (policy !== 'NotRequired' && policy !== 'RestartContainer') errors.push(notSupported(path, policy, ['NotRequired', 'RestartContainer']));
    if (restartPolicy === 'Never' && policy !== 'NotRequired') errors.push(invalid(path, policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"));
  });
}

function validateCommon(errors: FieldError[], container: Container, path: string, { spec, volumes, claimNames, hostUsers }: ContainerContext): void {
  if (!container.name) errors.push(required(`${path}.name`));
  else checkName(errors, `${path}.name`, container.name, dns1123Label);
  if (!container.image) errors.push(required(`${path}.image`));
  const policy = container.terminationMessagePolicy;
  if (!policy) errors.push(required(`${path}.terminationMessagePolicy`));
  else if (policy !== 'File' && policy !== 'FallbackToLogsOnError') errors.push(notSupported(`${path}.terminationMessagePolicy`, policy, ['File', 'FallbackToLogsOnError']));
  validatePorts(errors, container.ports, `${path}.ports`);
  validateEnv(errors, container.env, `${path}.env`);
  validateEnvFrom(errors, container.envFrom, `${path}.envFrom`);
  validateMounts(errors, container.volumeMounts, `${path}.volumeMounts`, volumes, container.volumeDevices ?? [], container.securityContext?.privileged === true);
  validateDevices(errors, container.volumeDevices, `${path}.volumeDevices`, volumes, container.volumeMounts ?? []);
  const pull = container.imagePullPolicy;
  if (!pull) errors.push(required(`${path}.imagePullPolicy`));
  else if (!['Always', 'IfNotPresent', 'Never'].includes(pull)) errors.push(notSupported(`${path}.imagePullPolicy`, pull, ['Always', 'IfNotPresent', 'Never']));
  validateRequirements(errors, container.resources ?? {}, `${path}.resources`, { claimNames });
  validateResizePolicy(errors, container, `${path}.resizePolicy`, spec.restartPolicy);
  validateSecurityContext(errors, container.securityContext, `${path}.securityContext`, hostUsers);
}

const restartPolicies = ['Always', 'Never', 'OnFailure'];

function validateRestartPolicy(errors: FieldError[], container: Container, path: string): void {
  const rules = container.restartPolicyRules ?? [];
  const policy = container.restartPolicy;
  if (policy === undefined) {
    if (rules.length === 0) return;
    errors.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
  } else if (!restartPolicies.includes(policy)) errors.push(notSupported(`${path}.restartPolicy`, policy, restartPolicies));
  if (rules.length > 20) errors.push(tooMany(`${path}.restartPolicyRules`, rules.length, 20));
  rules.forEach((rule, i) => {
    const at = `${path}.restartPolicyRules[${i}]`;
    if (rule.action !== 'Restart' && rule.action !== 'RestartAllContainers') errors.push(notSupported(`${at}.action`, rule.action ?? '', ['Restart', 'RestartAllContainers']));
    const codes = rule.exitCodes;
    if (!codes) {
      errors.push(required(`${at}.exitCodes`, 'must be specified'));
      return;
    }
    if (codes.operator !== 'In' && codes.operator !== 'NotIn') errors.push(notSupported(`${at}.exitCodes.operator`, codes.operator ?? '', ['In', 'NotIn']));
    if ((codes.values?.length ?? 0) > 255) errors.push(tooMany(`${at}.exitCodes.values`, codes.values!.length, 255));
  });
}

function validateHooks(errors: FieldError[], container: Container, path: string, graceSeconds: number | undefined): void {
  if (container.lifecycle) {
    validateLifecycle(errors, container.lifecycle, `${path}.lifecycle`, graceSeconds);
    const signal = container.lifecycle.stopSignal;
    if (signal !== undefined) errors.push(forbidden(`${path}.lifecycle.stopSignal`, 'may not be set for containers with empty `spec.os.name`'));
  }
  validateProbe(errors, container.livenessProbe, 'liveness', `${path}.livenessProbe`, graceSeconds);
  validateProbe(errors, container.readinessProbe, 'readiness', `${path}.readinessProbe`, graceSeconds);
  validateProbe(errors, container.startupProbe, 'startup', `${path}.startupProbe`, graceSeconds);
}

/** A port of the host can be taken once. */
function validateHostPorts(errors: FieldError[], containers: readonly Container[], path: string): void {
  const taken = new Set<string>();
  containers.forEach((container, i) => {
    container.ports?.forEach((port, j) => {
      if (!port.hostPort) return;
      const text = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(text)) errors.push(duplicate(`${path}[${i}].ports[${j}].hostPort`, text));
      taken.add(text);
    });
  });
}

export function validateContainers(errors: FieldError[], path: string, context: ContainerContext): void {
  const containers = context.spec.containers ?? [];
  if (containers.length === 0) {
    errors.push(required(path));
    return;
  }
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    validateCommon(errors, container, at, context);
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    names.add(container.name);
    validateHooks(errors, container, at, context.spec.terminationGracePeriodSeconds);
    validateRestartPolicy(errors, container, at);
  });
  validateHostPorts(errors, containers, path);
}

const sidecarOnly = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

export function validateInitContainers(errors: FieldError[], path: string, context: ContainerContext): void {
  const names = new Set((context.spec.containers ?? []).map((c) => c.name));
  context.spec.initContainers?.forEach((container, i) => {
    const at = `${path}[${i}]`;
    const sidecar = container.restartPolicy === 'Always';
    validateCommon(errors, container, at, context);
    validateRestartPolicy(errors, container, at);
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    else if (container.name) names.add(container.name);
    validateHostPorts(errors, [container], path);
    if (sidecar) validateHooks(errors, container, at, context.spec.terminationGracePeriodSeconds);
    else {
      for (const key of sidecarOnly) if (container[key]) errors.push(forbidden(`${at}.${key}`, 'may not be set for init containers without restartPolicy=Always'));
      container.resizePolicy?.forEach((policy, j) => {
        if (policy.restartPolicy === 'RestartContainer') errors.push(invalid(`${at}.resizePolicy[${j}].restartPolicy`, policy.restartPolicy, "must not be set to 'RestartContainer' for non-sidecar initContainers"));
      });
    }
  });
}

/** What an ephemeral container may not have, in the order of the fields. */
const notEphemeral = ['ports', 'resources', 'resizePolicy', 'restartPolicy', 'restartPolicyRules', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const;
const ephemeralMessage = 'cannot be set for an Ephemeral Container';

export function validateEphemeralContainers(errors: FieldError[], path: string, context: ContainerContext): void {
  const { spec } = context;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.name));
  const names = new Set(others);
  spec.ephemeralContainers?.forEach((container: EphemeralContainer, i) => {
    const at = `${path}[${i}]`;
    validateCommon(errors, container as Container, at, context);
    validateImageText(errors, container.image, `${at}.image`);
    if (names.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
    names.add(container.name);
    if (container.targetContainerName && !others.has(container.targetContainerName)) errors.push(notFound(`${at}.targetContainerName`, container.targetContainerName));
    for (const key of notEphemeral) {
      const value = (container as Container)[key];
      const empty = value === undefined || (key === 'resources' && Object.keys(value as object).length === 0);
      if (!empty) errors.push(forbidden(`${at}.${key}`, ephemeralMessage));
    }
    container.volumeMounts?.forEach((mount, j) => {
      if (mount.subPath) errors.push(forbidden(`${at}.volumeMounts[${j}].subPath`, ephemeralMessage));
      if (mount.subPathExpr) errors.push(forbidden(`${at}.volumeMounts[${j}].subPathExpr`, ephemeralMessage));
    });
  });
}

export function validateImageText(errors: FieldError[], image: string | undefined, path: string): void {
  if (image !== undefined && image.trim() !== image) errors.push(invalid(path, image, 'must not have leading or trailing whitespace'));
}
