/** A quantity in Kubernetes' notation, e.g. `100m`, `1Gi`. @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
export type Quantity = string;
/** RFC 3339 with seconds, e.g. `2026-01-02T03:04:05Z`. */
export type Time = string;
/** RFC 3339 with microseconds, e.g. `2026-01-02T03:04:05.123456Z`. */
export type MicroTime = string;
/** A number, or a string such as `25%` or a port's name. */
export type IntOrString = number | string;
