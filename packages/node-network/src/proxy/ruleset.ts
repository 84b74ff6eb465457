/**
 * The nftables ruleset of a node as data, and the script that turns one state into another in a single transaction.
 * Services are looked up in maps, so a packet's cost does not grow with their number. @see kep.k8s.io/3866
 */
import { createHash } from 'node:crypto';
import type { Backend, ServicePortPlan } from './services.ts';

export const tableName = 'pilothouse-proxy';

export interface Ruleset {
  /** Chain → rules, for chains that come and go. */
  chains: Map<string, string[]>;
  /** Map or set → element key → value ('' in a set). */
  elements: Map<string, Map<string, string>>;
  /** Affinity set → its timeout in seconds. */
  sets: Map<string, number>;
}

export interface ProxyOptions {
  /** Ranges of pods: traffic from elsewhere to a service is masqueraded. */
  clusterCIDRs: readonly string[];
  /** Ranges of services: what no service answers there is refused. */
  serviceCIDRs: readonly string[];
  /** Node ports are served at these addresses; empty: at every local address but loopback ones. */
  nodePortAddresses: readonly string[];
}

const mark = '0x4000';
const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);
const safe = (text: string) => text.replace(/[^a-zA-Z0-9]+/g, '-').slice(0, 60);

/** Everything that depends on services. */
export function rulesetFor(plans: readonly ServicePortPlan[]): Ruleset {
  const ruleset: Ruleset = { chains: new Map(), elements: new Map([['service-ips', new Map()], ['service-nodeports', new Map()], ['refused-ips', new Map()], ['refused-nodeports', new Map()]]), sets: new Map() };
  const put = (map: string, key: string, value: string) => ruleset.elements.get(map)!.set(key, value);
  for (const plan of plans) {
    const id = `${hash(`${plan.name}/${plan.protocol}`)}-${safe(plan.name)}`;
    const at = (ip: string) => `${ip} . ${plan.protocol} . ${plan.port}`;
    const internalChain = plan.internal.length ? `svc-${id}` : undefined;
    if (internalChain) {
      ruleset.chains.set(internalChain, ['ip saddr != @pod-ranges meta mark set meta mark or ' + mark, ...balance(ruleset, 'in', plan, plan.internal)]);
      for (const ip of plan.clusterIPs) put('service-ips', at(ip), `goto ${internalChain}`);
    } else {
      for (const ip of plan.clusterIPs) put('refused-ips', at(ip), 'goto refuse');
    }
    if (!plan.externalIPs.length && !plan.nodePort) continue;
    const externalChain = `ext-${id}`;
    if (plan.external.length) {
      const ranges = plan.sourceRanges.length ? [`ip saddr != { ${plan.sourceRanges.join(', ')} } drop`] : [];
      ruleset.chains.set(externalChain, [...ranges, ...(plan.externalLocal ? [] : [`meta mark set meta mark or ${mark}`]), ...balance(ruleset, 'ex', plan, plan.external)]);
      for (const ip of plan.externalIPs) put('service-ips', at(ip), `goto ${externalChain}`);
      if (plan.nodePort) put('service-nodeports', `${plan.protocol} . ${plan.nodePort}`, `goto ${externalChain}`);
    } else {
      // With no endpoint on this node, a Local policy drops in silence so that balancers try another node; else it is refused.
      const verdict = plan.externalLocal && plan.internal.length ? 'drop' : 'goto refuse';
      for (const ip of plan.externalIPs) put('refused-ips', at(ip), verdict);
      if (plan.nodePort) put('refused-nodeports', `${plan.protocol} . ${plan.nodePort}`, verdict);
    }
  }
  return ruleset;
}

/** Rules that choose among backends, one chain for each. */
function balance(ruleset: Ruleset, way: 'in' | 'ex', plan: ServicePortPlan, backends: readonly Backend[]): string[] {
  const sticky: string[] = [];
  const chains = backends.map((backend) => {
    const key = hash(`${plan.name}/${plan.protocol}/${way}/${backend.address}:${backend.port}`);
    const chain = `ep-${key}-${safe(`${backend.address}-${backend.port}`)}`;
    const rules = [`ip saddr ${backend.address} meta mark set meta mark or ${mark}`];
    if (plan.affinitySeconds !== undefined) {
      // A set's timeout cannot be changed: another timeout is another set.
      const set = `aff-${key}-${plan.affinitySeconds}`;
      ruleset.sets.set(set, plan.affinitySeconds);
      rules.push(`update @${set} { ip saddr }`);
      sticky.push(`ip saddr @${set} goto ${chain}`);
    }
    rules.push(`meta l4proto ${plan.protocol} dnat to ${backend.address}:${backend.port}`);
    ruleset.chains.set(chain, rules);
    return chain;
  });
  const choose = chains.length === 1 ? `goto ${chains[0]}` : `numgen random mod ${chains.length} vmap { ${chains.map((c, i) => `${i} : goto ${c}`).join(', ')} }`;
  return [...sticky, choose];
}

/** The fixed part: hooks, maps, and the chains that look services up. Replaces the table. */
export function baseScript(options: ProxyOptions): string {
  const ranges = (list: readonly string[]) => (list.length ? `elements = { ${list.join(', ')} };` : '');
  const nodeAddress = options.nodePortAddresses.length ? 'ip daddr @nodeport-ips' : 'fib daddr type local ip daddr != 127.0.0.0/8';
  return `add table ip ${tableName}
delete table ip ${tableName}
table ip ${tableName} {
  comment "service proxy: replaced as a whole when the proxy starts"
  set pod-ranges { type ipv4_addr; flags interval; ${ranges(options.clusterCIDRs)} }
  set service-ranges { type ipv4_addr; flags interval; ${ranges(options.serviceCIDRs)} }
  set nodeport-ips { type ipv4_addr; ${ranges(options.nodePortAddresses)} }
  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  map service-nodeports { type inet_proto . inet_service : verdict; }
  map refused-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  map refused-nodeports { type inet_proto . inet_service : verdict; }
  chain refuse { reject; }
  chain services {
    ip daddr . meta l4proto . th dport vmap @service-ips
    ${nodeAddress} meta l4proto . th dport vmap @service-nodeports
  }
  chain refusals {
    ip daddr . meta l4proto . th dport vmap @refused-ips
    ${nodeAddress} meta l4proto . th dport vmap @refused-nodeports
    ip daddr @service-ranges reject
  }
  chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain nat-postrouting {
    type nat hook postrouting priority 100;
    meta mark and ${mark} != 0 meta mark set meta mark xor ${mark} masquerade fully-random
    ip saddr @pod-ranges ip daddr != @pod-ranges ip daddr != 224.0.0.0/4 oif != "lo" masquerade fully-random
  }
  chain filter-input {
    type filter hook input priority -10;
    iif != "lo" ip daddr 127.0.0.0/8 ct state new ct status & dnat == 0 drop
    ct state new jump refusals
  }
  chain filter-forward { type filter hook forward priority -10; ct state new jump refusals; }
  chain filter-output { type filter hook output priority -10; ct state new jump refusals; }
}
`;
}

const list = (map: Map<string, string>) => [...map].map(([key, value]) => (value ? `${key} : ${value}` : key)).join(', ');

/** The script that turns `from` (applied) into `to`; '' when nothing differs. One transaction: all of it or none. */
export function updateScript(from: Ruleset, to: Ruleset): string {
  const lines: string[] = [];
  for (const [set, seconds] of to.sets) {
    if (!from.sets.has(set)) lines.push(`add set ip ${tableName} ${set} { type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s; }`);
  }
  // Chains first without rules, for rules of one name another.
  const changed = [...to.chains].filter(([chain, rules]) => JSON.stringify(from.chains.get(chain)) !== JSON.stringify(rules));
  for (const [chain] of changed) lines.push(`add chain ip ${tableName} ${chain}`, `flush chain ip ${tableName} ${chain}`);
  for (const [chain, rules] of changed) for (const rule of rules) lines.push(`add rule ip ${tableName} ${chain} ${rule}`);
  for (const [map, wanted] of to.elements) {
    const had = from.elements.get(map) ?? new Map<string, string>();
    const gone = new Map([...had].filter(([key, value]) => wanted.get(key) !== value));
    const added = new Map([...wanted].filter(([key, value]) => had.get(key) !== value));
    if (gone.size) lines.push(`delete element ip ${tableName} ${map} { ${[...gone.keys()].join(', ')} }`);
    if (added.size) lines.push(`add element ip ${tableName} ${map} { ${list(added)} }`);
  }
  const removed = [...from.chains.keys()].filter((chain) => !to.chains.has(chain));
  for (const chain of removed) lines.push(`flush chain ip ${tableName} ${chain}`);
  for (const chain of removed) lines.push(`delete chain ip ${tableName} ${chain}`);
  for (const set of from.sets.keys()) if (!to.sets.has(set)) lines.push(`delete set ip ${tableName} ${set}`);
  return lines.length ? `${lines.join('\n')}\n` : '';
}

export const emptyRuleset = (): Ruleset => ({ chains: new Map(), elements: new Map(), sets: new Map() });
