export * from './cni/conflist.ts';
export * from './dns/server.ts';
export * from './dns/service.ts';
export * from './announce.ts';
export * from './node-address.ts';
export * from './proxy/proxy.ts';
export { baseScript, emptyRuleset, type ProxyOptions, type Ruleset, rulesetFor, updateScript } from './proxy/ruleset.ts';
export { type NodeView, planService, type ServicePortPlan } from './proxy/services.ts';
