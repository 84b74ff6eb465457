/** The types of `lab.pilothouse.dev/v1`, with the texts that `kubectl explain` shows. In step with types.ts. */
import { any, boolean, field, integer, kubernetes, list, map, number, object, oneOf, type Shape, string, time } from './shape.ts';

const objectMeta = kubernetes('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', 'Standard object metadata.');
const listMeta = kubernetes('io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta', 'Standard list metadata.');
const podSpec = kubernetes('io.k8s.api.core.v1.PodSpec', 'As of a Pod.');

const point = oneOf('PreEnqueue', 'PreFilter', 'Filter', 'PostFilter', 'PreScore', 'Score', 'NormalizeScore', 'Reserve', 'Permit', 'PreBind', 'Bind', 'PostBind');
const code = oneOf('Success', 'Error', 'Unschedulable', 'UnschedulableAndUnresolvable', 'Wait', 'Skip', 'Pending');
const result = oneOf('Scheduled', 'Unschedulable', 'Gated', 'Error');
const lane = oneOf('Active', 'Backoff', 'Unschedulable', 'Gated', 'InFlight', 'Held');
const rule = oneOf('FewestPDBViolations', 'LowestHighestPriority', 'LowestSumOfPriorities', 'FewestVictims', 'LatestStart', 'First', 'OnlyCandidate');

const podReference = object('PodReference', {
  namespace: field(string, 'The namespace of the pod.', true),
  name: field(string, 'The name of the pod.', true),
  uid: field(string, 'The UID of the pod.', true),
  priority: field(integer, 'The priority of the pod.', true),
});

const verdictGroup = object('VerdictGroup', {
  plugin: field(string, 'The plugin that rejected the nodes first. Empty where they were excluded by the PreFilter of several.', true),
  code: field(code, 'What the plugin answered.', true),
  reasons: field(list(string), 'Its reasons.', true),
  count: field(integer, 'How many nodes.', true),
  nodes: field(list(string), 'The first of them by name, at most ten.', true),
});

const pluginRun = object('PluginRun', {
  point: field(point, 'The extension point.', true),
  plugin: field(string, 'The name of the plugin.', true),
  code: field(code, 'What it answered. Skip: it has nothing to do for this pod. Absent for points about nodes.'),
  reasons: field(list(string), 'Its reasons.'),
  nodes: field(list(string), 'PreFilter: the only nodes the plugin wants looked at, at most ten of them.'),
  nodeCount: field(integer, 'PreFilter: how many nodes the plugin wants looked at.'),
  asked: field(integer, 'Filter: about how many nodes it was asked.'),
  rejected: field(integer, 'Filter: how many of them it rejected.'),
  weight: field(integer, 'Score: the weight of the plugin in the profile.'),
  durationMicroseconds: field(integer, 'Time spent in the plugin when the cycle was run for this answer.'),
});

const nodeVerdict = object('NodeVerdict', { plugin: field(string, 'The name of the plugin.', true), code: field(code, 'What it said of the node.', true), reasons: field(list(string), 'Its reasons.') });
const nodeScore = object('NodeScore', {
  plugin: field(string, 'The name of the plugin.', true),
  raw: field(number, 'What the plugin gave the node.', true),
  normalized: field(number, 'The same brought into 0 to 100 over all nodes.', true),
  weighted: field(number, 'The normalised score times the weight of the plugin.', true),
});

const nodeExplanation = object('NodeExplanation', {
  name: field(string, 'The name of the node.', true),
  feasible: field(boolean, 'Whether the node passed all filters.', true),
  evaluated: field(boolean, 'False: the search ended before it came to this node.', true),
  filters: field(list(nodeVerdict), 'What filters said: up to the first rejection, or with allPlugins what every plugin says by itself.'),
  rejectedBy: field(string, 'The plugin whose rejection counts.'),
  scores: field(list(nodeScore), 'Scores by plugin, in the order of the profile.'),
  total: field(number, 'The sum of the weighted scores.'),
  chosen: field(boolean, 'Whether this is the chosen node.'),
  nominatedCounted: field(boolean, 'Pods nominated for this node with equal or higher priority were counted in.'),
});

const choice = object('Choice', {
  rule: field(oneOf('OnlyOne', 'HighestScore', 'Random', 'FirstByName', 'Nominated'), 'How the node was chosen.', true),
  score: field(number, 'The highest total.'),
  tied: field(list(string), 'Nodes with that total, at most ten of them.', true),
  tiedCount: field(integer, 'How many nodes have that total.', true),
  runnerUp: field(object('RunnerUp', { node: field(string, 'The name of the node.', true), score: field(number, 'Its total.', true) }), 'The best total below.'),
});

const victim = object('Victim', { namespace: field(string, 'The namespace of the pod.', true), name: field(string, 'The name of the pod.', true), priority: field(integer, 'Its priority.', true), startTime: field(time, 'When it started.') });
const candidate = object('PreemptionCandidate', {
  node: field(string, 'The name of the node.', true),
  victims: field(list(victim), 'The pods that would be evicted, most important first.', true),
  pdbViolations: field(integer, 'How many disruption budgets that would violate.', true),
  highestPriority: field(integer, 'The highest priority among the victims.', true),
  sumOfPriorities: field(integer, 'The sum of their priorities.', true),
  earliestStart: field(time, 'When the earliest of the most important victims started.'),
  lostBy: field(rule, 'The comparison that this candidate lost. Absent for the chosen one.'),
});
const preemption = object('Preemption', {
  chosen: field(string, 'The node whose victims are evicted. Absent: preemption does not help.'),
  decidedBy: field(rule, 'The comparison that left one candidate.'),
  message: field(string, 'What the plugin said.'),
  candidates: field(list(candidate), 'Nodes where evictions would help, the chosen one first.', true),
  candidatesOmitted: field(integer, 'Candidates that were left out.'),
  rejected: field(list(verdictGroup), 'Nodes where no eviction would help, grouped by reason.', true),
});

const explanation = object('Explanation', {
  result: field(result, 'How the attempt ended.', true),
  summary: field(string, 'One sentence: why here, or why nowhere.', true),
  schedulerName: field(string, 'The profile that was used.', true),
  node: field(string, 'The chosen node.'),
  message: field(string, "What kube-scheduler writes into the pod's condition and event."),
  unschedulablePlugins: field(list(string), 'The plugins whose rejection made the pod unschedulable. The queue listens to their events.'),
  nodesTotal: field(integer, 'How many nodes there were.', true),
  nodesEvaluated: field(integer, 'How many nodes were looked at.', true),
  nodesFeasible: field(integer, 'How many of them fit.', true),
  plugins: field(list(pluginRun), 'Plugin calls that are not about one node, and for points that are one entry per plugin, in order.', true),
  groups: field(list(verdictGroup), 'Nodes with equal verdicts taken together, largest group first.', true),
  nodes: field(list(nodeExplanation), 'Node by node: the chosen one, then by total score, then in the order they were looked at. Bounded.'),
  nodesOmitted: field(integer, 'Nodes that were left out.'),
  choice: field(choice, 'How the node was chosen.'),
  preemption: field(preemption, 'Whom the pod could take the place of.'),
  details: field(oneOf('Recorded', 'Replayed', 'Approximate', 'Expired'), 'How the details came about: noted while it happened; the cycle was run again on the cluster as it was, and came to the same; it did not come to quite the same; the cluster of then is not known any more.', true),
});

const hintAnswer = object('HintAnswer', { plugin: field(string, 'The name of the plugin.', true), answer: field(oneOf('Queue', 'QueueSkip', 'NotAsked'), 'What it thought of the event. NotAsked: it has no hint function, so any such event counts.', true) });
const eventObject = object('EventObject', { kind: field(string, 'Its kind.', true), namespace: field(string, 'Its namespace.'), name: field(string, 'Its name.', true) });
const queueMove = object('QueueMove', {
  time: field(time, 'When.', true),
  from: field(lane, 'The lane it came from. Absent: the pod was new.'),
  to: field(lane, 'The lane it went to.', true),
  event: field(string, 'The name of the event in kube-scheduler.', true),
  object: field(eventObject, 'What the event was about.'),
  hints: field(list(hintAnswer), 'What plugins that had rejected the pod thought of the event.'),
});

const binding = object('Binding', {
  phase: field(oneOf('Binding', 'Bound', 'Failed'), 'How far binding got.', true),
  node: field(string, 'The name of the node.', true),
  plugin: field(string, 'The plugin that bound, or failed.'),
  message: field(string, 'Why it failed.'),
});

const edit = object('Edit', {
  addNode: field(object('AddNode', { name: field(string, 'The name of the new node.', true), like: field(string, 'A node that it is like: labels, taints and capacity, no pods.'), node: field(kubernetes('io.k8s.api.core.v1.Node', 'As of a Node.'), 'A whole node.') }), 'Adds a node.'),
  removeNode: field(object('RemoveNode', { name: field(string, 'The name of the node.', true) }), 'Takes a node and its pods away.'),
  taintNode: field(object('TaintNode', { name: field(string, 'The name of the node.', true), taint: field(kubernetes('io.k8s.api.core.v1.Taint', 'As of a Node.'), 'The taint.', true), remove: field(boolean, 'Take it away rather than add it.') }), 'Adds a taint or takes it away.'),
  labelNode: field(object('LabelNode', { name: field(string, 'The name of the node.', true), labels: field(map(string, true), 'Labels to be set. null takes one away.', true) }), 'Changes the labels of a node.'),
  cordonNode: field(object('CordonNode', { name: field(string, 'The name of the node.', true), unschedulable: field(boolean, 'Whether it is cordoned.', true) }), 'Cordons or uncordons a node.'),
  resizeNode: field(object('ResizeNode', { name: field(string, 'The name of the node.', true), allocatable: field(map(string), 'Amounts as quantities.', true) }), 'Changes what a node has to give.'),
  evictPod: field(object('EvictPod', { namespace: field(string, 'The namespace of the pod. Default: that of the request.'), name: field(string, 'The name of the pod.', true) }), 'Takes a running pod away.'),
  addPod: field(object('AddPod', { metadata: field(objectMeta, 'Of the pod.'), spec: field(podSpec, 'Of the pod, with nodeName.', true) }), 'Puts a pod onto the node that its spec.nodeName names.'),
  patchPod: field(any, 'A JSON merge patch of the pod under review.'),
});

const suggestion = object('Suggestion', {
  change: field(string, 'The change, for people.', true),
  kind: field(string, 'The kind of change.', true),
  edits: field(list(edit), 'The change as edits, to be posted back.', true),
  node: field(string, 'Where the pod would go.'),
  command: field(string, 'The kubectl command that makes the change, where one does.'),
});

const cycleStep = object('CycleStep', {
  point: field(point, 'The extension point.', true),
  plugin: field(string, 'The name of the plugin.', true),
  node: field(string, 'The node it is about.'),
  code: field(code, 'What the plugin answered. Absent: it has not been called yet.'),
  reasons: field(list(string), 'Its reasons.'),
  score: field(number, 'Score: raw. NormalizeScore: normalised.'),
});

const typeMeta = { apiVersion: field(string, 'APIVersion defines the versioned schema of this representation of an object.'), kind: field(string, 'Kind is a string value representing the REST resource this object represents.') };
const top = (kind: string, fields: Parameters<typeof object>[1]) => object(kind, { ...typeMeta, metadata: field(objectMeta, 'Standard object metadata.'), ...fields });

export const schedulingTrace = top('SchedulingTrace', {
  pod: field(podReference, 'The pod.', true),
  attempt: field(integer, 'The number of the attempt, 1 for the first. 0: the pod is gated and has not been tried.', true),
  startTime: field(time, 'When it began.', true),
  endTime: field(time, 'When it ended. Absent while binding is under way.'),
  schedulingMicroseconds: field(integer, 'How long the scheduling cycle took.'),
  bindingMicroseconds: field(integer, 'How long the binding cycle took.'),
  explanation: field(explanation, 'What it came to, and why.', true),
  binding: field(binding, 'What became of binding.'),
  moves: field(list(queueMove), 'How the pod moved through the queue, newest last, at most 32.', true),
  movesOmitted: field(integer, 'Older moves that were left out.'),
});

export const queuedPod = top('QueuedPod', {
  pod: field(podReference, 'The pod.', true),
  schedulerName: field(string, 'The profile that schedules it.', true),
  lane: field(lane, 'Where it is.', true),
  since: field(time, 'Since when.', true),
  attempts: field(integer, 'How often it was tried.', true),
  firstAttemptTime: field(time, 'When it was first tried.'),
  backoffUntil: field(time, 'When its back-off ends.'),
  rejectedBy: field(list(string), 'Plugins that rejected it in its last attempt.'),
  gatedBy: field(string, 'The plugin that gates it.'),
  nominatedNode: field(string, 'The node that preemption makes room on.'),
  message: field(string, 'The message of its last attempt.'),
  moves: field(list(queueMove), 'How it moved through the queue, newest last, at most 16.', true),
});

export const schedulingReview = top('SchedulingReview', {
  spec: field(object('SchedulingReviewSpec', {
    podName: field(string, 'A pod there is, pending or running. One of podName and pod is needed.'),
    pod: field(object('ReviewedPod', { metadata: field(objectMeta, 'Of the pod.'), spec: field(podSpec, 'Of the pod.', true) }), 'A pod or pod template. What is left out is defaulted.'),
    edits: field(list(edit), 'Changes made to a copy of the cluster, in order, before the cycle is run. At most 64.'),
    profile: field(string, 'The profile to use, by scheduler name. Default: that of the pod.'),
    configuration: field(any, 'A whole KubeSchedulerConfiguration to use in place of that of the scheduler.'),
    allPlugins: field(boolean, 'Every filter on every node, not only up to the first rejection.'),
    suggest: field(boolean, 'Look for single changes that would place the pod, where it fits nowhere.'),
    maxNodes: field(integer, 'Nodes listed one by one in the answer. Default 100, at most 5000.'),
  }), 'What is asked.', true),
  status: field(object('SchedulingReviewStatus', {
    explanation: field(explanation, 'What the scheduler would do, and why.', true),
    suggestions: field(list(suggestion), 'Single changes that would place the pod, each tried. At most 20.'),
    changesTried: field(integer, 'How many changes were tried.'),
  }), 'The answer.'),
});

export const schedulingBreakpoint = top('SchedulingBreakpoint', {
  spec: field(object('SchedulingBreakpointSpec', {
    selector: field(kubernetes('io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector', 'A label selector.'), 'Pods by their labels. Empty: all of the namespace.'),
    schedulerName: field(string, 'Only pods of this scheduler.'),
    points: field(list(point), 'Hold before a call at one of these extension points.'),
    plugins: field(list(string), 'Hold before a call of one of these plugins.'),
    nodes: field(list(string), 'Hold before a call about one of these nodes.'),
    queue: field(oneOf('Flow', 'Wait'), 'What the rest of the queue does meanwhile. Default Flow.'),
    timeoutSeconds: field(integer, 'A held cycle goes on by itself after this long. Default 300, 1 to 3600.'),
    leaseSeconds: field(integer, 'And when nobody watched held cycles or asked for this one for so long. Default 30, 1 to 600.'),
  }), 'Which cycles are held, and where. All given conditions must hold.', true),
  status: field(object('SchedulingBreakpointStatus', { hits: field(integer, 'How often it held a cycle.', true), idle: field(boolean, 'A cycle of it went on by itself, for nobody kept it. It holds nothing more until a watch of held cycles is opened, or it is written anew.') }), 'What it did.'),
});

export const heldCycle = top('HeldCycle', {
  pod: field(podReference, 'The pod.', true),
  schedulerName: field(string, 'The profile that schedules it.', true),
  breakpoint: field(string, 'The name of the breakpoint.', true),
  queue: field(oneOf('Flow', 'Wait'), 'Whether other pods wait.', true),
  since: field(time, 'Since when it is held.', true),
  releaseTime: field(time, 'When it goes on by itself unless somebody keeps it.', true),
  at: field(cycleStep, 'What is about to be called. Absent at the end of the cycle.'),
  steps: field(list(cycleStep), 'Calls made so far, oldest first. The last 200.', true),
  stepCount: field(integer, 'How many calls were made.', true),
  stepsLeft: field(integer, 'How many are left, as things stand.', true),
  edits: field(list(edit), 'Edits made to its copy of the cluster.'),
  explanation: field(explanation, 'What the cycle comes to as things stand.', true),
});

export const cycleCommand = top('CycleCommand', {
  spec: field(object('CycleCommandSpec', {
    action: field(oneOf('Step', 'Edit', 'Resume', 'Abort', 'Renew'), 'What to do.', true),
    to: field(oneOf('Plugin', 'Node', 'ExtensionPoint', 'End', 'Pod'), 'Where a step ends. Default Plugin.'),
    edits: field(list(edit), 'Changes made to the copy of the cluster that the cycle is run on.'),
  }), 'The command.', true),
  status: field(object('CycleCommandStatus', { cycle: field(heldCycle, 'The cycle afterwards. Absent where it was let go.') }), 'What became of the cycle.'),
});

/** Every kind with a shape of its own, lists last. */
export const kinds: Readonly<Record<string, Extract<Shape, { t: 'object' }>>> = {
  SchedulingTrace: schedulingTrace, QueuedPod: queuedPod, SchedulingReview: schedulingReview, SchedulingBreakpoint: schedulingBreakpoint, HeldCycle: heldCycle, CycleCommand: cycleCommand,
};

export const listOf = (kind: string, item: Shape): Extract<Shape, { t: 'object' }> => object(`${kind}List`, { ...typeMeta, metadata: field(listMeta, 'Standard list metadata.'), items: field(list(item), 'The items.', true) });
