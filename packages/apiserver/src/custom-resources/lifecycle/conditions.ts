/** Conditions that say how a definition stands to the rules: pure, from the definition alone. Facts: apiextensions controllers nonstructuralschema, apiapproval, establish. */
import { X509Certificate } from 'node:crypto';
import type { CustomResourceDefinition } from '@pilothouse/api-schemas/types/apiextensions/v1';
import { approvalOf, isProtectedGroup } from '../../resources/apiextensions/approval.ts';
import { structuralFaults } from '../../resources/apiextensions/structure.ts';
import { type Condition, conditionOf, isTrue, sameCondition, withCondition, withoutCondition } from '../conditions.ts';

/** `NonStructuralSchema` as it shall be; undefined: absent. Only definitions of old can have such schemas. */
function structure({ spec }: CustomResourceDefinition): Condition | undefined {
  const faults = spec.preserveUnknownFields ? ['spec.preserveUnknownFields: Invalid value: true: must be false'] : [];
  spec.versions.forEach((version, i) => {
    const schema = version.schema?.openAPIV3Schema;
    if (schema) faults.push(...structuralFaults(schema, `spec.versions[${i}].schema.openAPIV3Schema`));
  });
  if (!faults.length) return undefined;
  return { type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message: faults.length === 1 ? faults[0] : `[${faults.join(', ')}]` };
}

/** `KubernetesAPIApprovalPolicyConformant`; undefined for groups that need no approval. */
function approval(crd: CustomResourceDefinition): Condition | undefined {
  if (!isProtectedGroup(crd.spec.group)) return undefined;
  const { state, message } = approvalOf(crd.metadata.annotations);
  const reasons = { approved: 'ApprovedAnnotation', bypassed: 'UnapprovedAnnotation', missing: 'MissingAnnotation', invalid: 'InvalidAnnotation' } as const;
  return { type: 'KubernetesAPIApprovalPolicyConformant', status: state === 'approved' ? 'True' : 'False', reason: reasons[state], message };
}

/** The definition with both; undefined where they are as they shall be. */
export function judgeDefinition(crd: CustomResourceDefinition, nowMs: number): CustomResourceDefinition | undefined {
  let next = crd;
  const wanted = structure(crd);
  const held = conditionOf(crd, 'NonStructuralSchema');
  if (wanted ? !sameCondition(wanted, held) : held) next = wanted ? withCondition(next, wanted, nowMs) : withoutCondition(next, 'NonStructuralSchema');
  const approved = approval(crd);
  if (approved && !sameCondition(approved, conditionOf(crd, approved.type))) next = withCondition(next, approved, nowMs);
  return next === crd ? undefined : next;
}

/** The definition established, or told why it cannot be; undefined where it is not its turn. */
export function establishDefinition(crd: CustomResourceDefinition, nowMs: number): CustomResourceDefinition | undefined {
  if (!isTrue(crd, 'NamesAccepted') || isTrue(crd, 'Established')) return undefined;
  const bundle = crd.spec.conversion?.webhook?.clientConfig?.caBundle;
  const condition: Condition = bundle && !isCertificateBundle(bundle)
    ? { type: 'Established', status: 'False', reason: 'InvalidCABundle', message: 'The conversion webhook CABundle is invalid' }
    : { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' };
  return sameCondition(condition, conditionOf(crd, 'Established')) ? undefined : withCondition(crd, condition, nowMs);
}

function isCertificateBundle(base64: string): boolean {
  const blocks = Buffer.from(base64, 'base64').toString('latin1').match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (!blocks) return false;
  try {
    for (const block of blocks) new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}
