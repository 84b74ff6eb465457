export type { TopologySelectorTerm } from '@pilothouse/api-schemas/types/core/v1';
export type { CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from '@pilothouse/api-schemas/types/storage/v1';
