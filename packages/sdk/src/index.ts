// The public face of @nullspace/sdk.

export { ApiKey, type ApiKeyInfo, type CreateApiKeyOptions, type NewApiKey } from './api-key.ts'
export type { Channel, SocketClass, SocketLike } from './channel.ts'
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
export type { StreamEventsOptions } from './event-stream.ts'
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
