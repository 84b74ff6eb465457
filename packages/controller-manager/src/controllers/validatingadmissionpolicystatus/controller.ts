import { validatingAdmissionPolicies } from '@pilothouse/apimachinery';
import { defineController, done, itself } from '@pilothouse/controller-runtime';
import { typeWarnings } from './plan.ts';

/** Tells in a policy's status what its expressions get wrong about types. @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking */
export const validatingAdmissionPolicyStatusController = defineController({
  name: 'validatingadmissionpolicy-status-controller',
  serviceAccount: 'validatingadmissionpolicy-status-controller',
  watches: [itself(validatingAdmissionPolicies)],
  async reconcile(name, { client, lister, signal }) {
    const policy = lister(validatingAdmissionPolicies).get(name);
    if (!policy?.spec) return done;
    const { generation = 0 } = policy.metadata;
    if (generation <= (policy.status?.observedGeneration ?? 0)) return done;
    const expressionWarnings = typeWarnings({ ...policy, spec: policy.spec });
    // A patch rather than an apply: what was warned of before goes away, and the empty verdict stays.
    const patch = { status: { observedGeneration: generation, typeChecking: { expressionWarnings: expressionWarnings.length ? expressionWarnings : null } } };
    await client.patch(validatingAdmissionPolicies, name, patch, { type: 'merge', subresource: 'status', fieldManager: 'validatingadmissionpolicy-status', signal });
    return done;
  },
});
