/** Of this program; the Kubernetes release it answers as is the API server's affair. */
export const programVersion = '0.1.0';
/** RFC 3339; the day the sources were released. */
export const buildDate = '2026-11-22T00:00:00Z';
