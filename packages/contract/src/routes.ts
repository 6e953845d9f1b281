// All routes. What is listed here is mounted, documented, and swept by the coverage tests.

import { execCommand } from './commands.ts'
import {
  batchWriteFiles,
  downloadFile,
  fileExists,
  fileInfo,
  findInFiles,
  listDir,
  makeDir,
  readFile,
  removeFile,
  renameFile,
  replaceInFiles,
  searchFiles,
  setFilePermissions,
  uploadFileMultipart,
  uploadFileRaw,
  writeFile,
} from './files.ts'
import { downloadUrl, signedDownload, signedUpload, signedUploadForm, uploadUrl } from './signed-files.ts'
import { gitAdd, gitBranch, gitBranchList, gitCheckout, gitClone, gitCommit, gitLog, gitPull, gitPush, gitStatus } from './git.ts'
import { abortUploadSession, completeUploadSession, createUploadSession, getUploadSession, uploadSessionPart } from './uploads.ts'
import { getHostStatus, healthCheck } from './host.ts'
import { listLifecycleEvents, listMachineLifecycleEvents, listSnapshotLifecycleEvents } from './events.ts'
import { collectGarbage } from './garbage.ts'
import { createKey, listKeys, revokeKey } from './keys.ts'
import { forkMachine, forkMachineMany, getLineage, hibernateMachine, resumeMachine, setTimeout } from './lifecycle.ts'
import { createMachine, destroyMachine, getMachine, listMachines } from './machines.ts'
import { getHostMetrics, getMetrics } from './metrics.ts'
import { getProcessLogs, killProcess, listProcesses, sendStdin } from './processes.ts'
import { getQuota, setQuota } from './quotas.ts'
import { createSnapshot, deleteSnapshot, getSnapshot, listSnapshots } from './snapshots.ts'
import { listTemplates } from './templates.ts'
import { getPtySession, killPtySession, listPtySessions, resizePtySession } from './terminals.ts'
import {
  createLifecycleWebhook,
  deleteLifecycleWebhook,
  getLifecycleWebhook,
  getLifecycleWebhookDelivery,
  listLifecycleWebhookDeliveries,
  listLifecycleWebhooks,
  updateLifecycleWebhook,
} from './webhooks.ts'

/** Keyed by each route’s id. */
export const ROUTES = {
  healthCheck,
  getHostStatus,
  createMachine,
  listMachines,
  getMachine,
  destroyMachine,
  hibernateMachine,
  resumeMachine,
  forkMachine,
  forkMachineMany,
  setTimeout,
  getLineage,
  getMetrics,
  getHostMetrics,
  execCommand,
  listProcesses,
  getProcessLogs,
  sendStdin,
  killProcess,
  listPtySessions,
  getPtySession,
  killPtySession,
  resizePtySession,
  downloadFile,
  uploadFileRaw,
  uploadFileMultipart,
  listDir,
  readFile,
  writeFile,
  batchWriteFiles,
  fileInfo,
  fileExists,
  makeDir,
  removeFile,
  renameFile,
  setFilePermissions,
  findInFiles,
  searchFiles,
  replaceInFiles,
  downloadUrl,
  uploadUrl,
  signedDownload,
  signedUpload,
  signedUploadForm,
  createUploadSession,
  getUploadSession,
  uploadSessionPart,
  completeUploadSession,
  abortUploadSession,
  gitClone,
  gitStatus,
  gitLog,
  gitBranchList,
  gitBranch,
  gitCheckout,
  gitAdd,
  gitCommit,
  gitPull,
  gitPush,
  createSnapshot,
  listSnapshots,
  getSnapshot,
  deleteSnapshot,
  listLifecycleEvents,
  listMachineLifecycleEvents,
  listSnapshotLifecycleEvents,
  createLifecycleWebhook,
  listLifecycleWebhooks,
  getLifecycleWebhook,
  updateLifecycleWebhook,
  deleteLifecycleWebhook,
  listLifecycleWebhookDeliveries,
  getLifecycleWebhookDelivery,
  getQuota,
  setQuota,
  collectGarbage,
  listTemplates,
  createApiKey: createKey,
  listApiKeys: listKeys,
  revokeApiKey: revokeKey,
} as const

export type Routes = typeof ROUTES
