// The public face of @nullspace/sdk.

export { ApiKey, type ApiKeyInfo, type CreateApiKeyOptions, type NewApiKey } from './api-key.ts'
export type { Content, Received } from './bytes-transport.ts'
export type { Channel, SocketClass, SocketLike } from './channel.ts'
export { Client, type CallOptions, type ClientOptions, type Connection, type Nature, type OpenOptions } from './client.ts'
export type { CommandHandle, Listeners, OutputListener, PipeStdinOptions } from './command-handle.ts'
export {
  DEFAULT_COMMAND_SECONDS,
  commandTimeoutMs,
  Commands,
  type BackgroundOptions,
  type CommandResult,
  type ConnectCommandOptions,
  type ProcessInfo,
  type ProcessLogs,
  type RunOptions,
  type StartOptions,
} from './commands.ts'
export type { FileContent } from './content.ts'
export { findConfig } from './config/find.ts'
export type { Candidate, Config, Setting, SourceName } from './config/resolve.ts'
export {
  AuthError,
  BuildError,
  ConflictError,
  FileUploadError,
  GitError,
  MachineError,
  NotFoundError,
  NotImplementedError,
  PermissionError,
  QuotaExceededError,
  RateLimitError,
  TimeoutError,
  TransportError,
} from './errors.ts'
export type { StreamEventsOptions } from './event-stream.ts'
export { BatchWriteError, type FailedWrite, type FileInfo, type FileToWrite } from './file-batch.ts'
export type { FileRange } from './file-stream.ts'
export type {
  DownloadOptions,
  DownloadProgress,
  DownloadResult,
  ResumeUploadOptions,
  UploadOptions,
  UploadProgress,
  UploadResult,
  UploadSource,
} from './file-transfer.ts'
export type { FileEvent, FileWatch, WatchOptions } from './file-watch.ts'
export { Files, type FileOptions, type ReplaceResult, type SearchMatch, type UploadUrl, type WriteOptions } from './files.ts'
export {
  Git,
  type GitAuth,
  type GitBranches,
  type GitBranchOptions,
  type GitCloneOptions,
  type GitCommit,
  type GitCommitOptions,
  type GitLogOptions,
  type GitStatus,
  type GitSyncOptions,
} from './git.ts'
export { Host, type CollectGarbageOptions, type Garbage, type HostStatus } from './host.ts'
export {
  Lifecycle,
  type LifecycleEvent,
  type LifecycleEventPage,
  type ListEventsOptions,
  type ListThingEventsOptions,
} from './lifecycle.ts'
export { Machine } from './machine.ts'
export type { ListMachinesOptions, MachineInfo, MachineInfoField, MachineList, MachinePage } from './machine-info.ts'
export type { Lineage, LineageNode, SetTimeoutOptions, TimeoutLease } from './machine-lifecycle.ts'
export type { HostMetrics, MachineMetrics } from './machine-metrics.ts'
export { CREATE_DEFAULTS, defaultMemoryMb, type CreateMachineOptions } from './machine-options.ts'
export {
  Monitor,
  type MonitorOptions,
  type MonitorProcess,
  type MonitorSubscription,
  type MonitorUpdate,
  type MonitoredMachine,
  type MonitoredMetrics,
} from './monitor.ts'
export type { PipedInput } from './piped-input.ts'
export type { OutputChunk } from './process-output.ts'
export { Pty, type CreatePtyOptions, type PtySessionInfo, type WhichPty } from './pty.ts'
export type { PtyEnd, PtySession, PtySize } from './pty-session.ts'
export { Quota, type QuotaLimits, type QuotaState } from './quota.ts'
export { RUN_ONCE_DEFAULTS, type RunOnceOptions, type RunOnceResult } from './run-once.ts'
export { Snapshot, type ListSnapshotsOptions, type SnapshotInfo } from './snapshot.ts'
export { Template, type TemplateInfo } from './template.ts'
export type { CallInput } from './transport.ts'
export { VERSION } from './version.ts'
export { verifyWebhookSignature, type ReceivedHeaders } from './webhook-signature.ts'
export {
  Webhook,
  type ListDeliveriesOptions,
  type WebhookDelivery,
  type WebhookDeliveryDetail,
  type WebhookInfo,
  type WebhookOptions,
} from './webhook.ts'
