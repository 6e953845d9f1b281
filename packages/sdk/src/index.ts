// The public face of @nullspace/sdk.

export { ApiKey, type ApiKeyInfo, type CreateApiKeyOptions, type NewApiKey } from './api-key.ts'
export { Client, type CallOptions, type ClientOptions, type Connection } from './client.ts'
export { DEFAULT_COMMAND_SECONDS, commandTimeoutMs, type CommandResult, type Commands, type RunOptions } from './commands.ts'
export { findConfig } from './config/find.ts'
export type { Candidate, Config, Setting, SourceName } from './config/resolve.ts'
export {
  AuthError,
  BuildError,
  ConflictError,
  FileUploadError,
  MachineError,
  NotFoundError,
  NotImplementedError,
  PermissionError,
  QuotaExceededError,
  RateLimitError,
  TimeoutError,
  TransportError,
} from './errors.ts'
export { Host, type HostStatus } from './host.ts'
export { Machine } from './machine.ts'
export type { ListMachinesOptions, MachineInfo, MachineInfoField, MachineList, MachinePage } from './machine-info.ts'
export { CREATE_DEFAULTS, defaultMemoryMb, type CreateMachineOptions } from './machine-options.ts'
export { Template, type TemplateInfo } from './template.ts'
export type { CallInput } from './transport.ts'
export { VERSION } from './version.ts'
