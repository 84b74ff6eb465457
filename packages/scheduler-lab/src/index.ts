export { groups as labGroups, resources as labResources } from './api/discovery.ts';
export { type Asked, type AnswerOptions, labAnswers } from './api/answer.ts';
export { openApiDocuments } from './api/open-api.ts';
export * from './api/types.ts';
export { createLab, type Lab, type LabOptions } from './lab.ts';
export { addNodeEdit, evictEdit, FlagError, labelEdit, resizeEdit, taintEdit } from './terminal/edit-flags.ts';
export { type Report, report } from './terminal/report.ts';
export type { TerminalOptions } from './terminal/text.ts';
