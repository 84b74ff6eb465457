/** grpc-js, for modules that load it only when it is needed: a dynamic import of this module keeps its named exports when bundled. */
export { Client, credentials, Metadata, status } from '@grpc/grpc-js';
