// All commands, in the order of the help.

import { authEnv } from './auth/env.ts'
import { authLogin } from './auth/login.ts'
import { authStatus } from './auth/status.ts'
import type { Command } from './core/command.ts'
import { daemonLogs } from './daemon/logs.ts'
import { daemonStart } from './daemon/start.ts'
import { daemonStatus } from './daemon/status.ts'
import { daemonStop } from './daemon/stop.ts'
import { doctor } from './doctor/doctor.ts'
import { eventList } from './event/list.ts'
import { eventWatch } from './event/watch.ts'
import { fileChmod, fileMkdir, fileMv, fileRm } from './file/change.ts'
import { fileExists } from './file/exists.ts'
import { fileFind, fileSearch } from './file/find.ts'
import { fileInfo } from './file/info.ts'
import { fileList } from './file/list.ts'
import { fileRead } from './file/read.ts'
import { fileReplace } from './file/replace.ts'
import { fileUrl } from './file/url.ts'
import { fileWatch } from './file/watch.ts'
import { fileWriteFiles } from './file/write-files.ts'
import { fileWrite } from './file/write.ts'
import { gitAdd } from './git/add.ts'
import { gitBranch } from './git/branch.ts'
import { gitCheckout } from './git/checkout.ts'
import { gitClone } from './git/clone.ts'
import { gitCommit } from './git/commit.ts'
import { gitLog } from './git/log.ts'
import { gitStatus } from './git/status.ts'
import { gitPull, gitPush } from './git/sync.ts'
import { gc } from './host/gc.ts'
import { keyCreate } from './key/create.ts'
import { keyList } from './key/list.ts'
import { keyRevoke } from './key/revoke.ts'
import { machineCreate } from './machine/create.ts'
import { machineEvents } from './machine/events.ts'
import { machineExec } from './machine/exec.ts'
import { machineFork } from './machine/fork.ts'
import { machineGet } from './machine/get.ts'
import { machineKill } from './machine/kill.ts'
import { machineList } from './machine/list.ts'
import { machineMetrics } from './machine/metrics.ts'
import { machineHibernate, machinePause } from './machine/pause.ts'
import { machineResume } from './machine/resume.ts'
import { machineRun } from './machine/run.ts'
import { machineTimeoutSet } from './machine/timeout-set.ts'
import { machineTree } from './machine/tree.ts'
import { monitor } from './monitor/monitor.ts'
import { processAttach } from './process/attach.ts'
import { processKill } from './process/kill.ts'
import { processList } from './process/list.ts'
import { processLogs } from './process/logs.ts'
import { processStdin } from './process/stdin.ts'
import { ptyConnect } from './pty/connect.ts'
import { ptyCreate } from './pty/create.ts'
import { ptyKill } from './pty/kill.ts'
import { ptyList } from './pty/list.ts'
import { ptyResize } from './pty/resize.ts'
import { quotaSet } from './quota/set.ts'
import { quotaShow } from './quota/show.ts'
import { snapshotCreate } from './snapshot/create.ts'
import { snapshotDelete } from './snapshot/delete.ts'
import { snapshotGet } from './snapshot/get.ts'
import { snapshotList } from './snapshot/list.ts'
import { templateList } from './template/list.ts'
import { machineCp } from './transfer/cp.ts'
import { machineDownload } from './transfer/download.ts'
import { machineUpload } from './transfer/upload.ts'
import { webhookCreate } from './webhook/create.ts'
import { webhookDelete } from './webhook/delete.ts'
import { webhookDeliveries } from './webhook/deliveries.ts'
import { webhookDelivery } from './webhook/delivery.ts'
import { webhookGet } from './webhook/get.ts'
import { webhookList } from './webhook/list.ts'
import { webhookUpdate } from './webhook/update.ts'

export const GROUPS: Readonly<Record<string, string>> = {
  machine: 'Create, use, pause, fork and destroy machines.',
  'machine process': 'Processes that go on by themselves in a machine.',
  'machine pty': 'Terminals in a machine.',
  'machine file': 'Files of a machine.',
  'machine git': 'Git in a machine.',
  'machine timeout': 'When a machine’s time is up.',
  snapshot: 'Snapshots that machines are made of.',
  event: 'What happened to machines and snapshots.',
  webhook: 'Have events posted to an address.',
  quota: 'How much an owner may hold.',
  template: 'What machines are created from.',
  key: 'API keys of a daemon.',
  daemon: 'The daemon on this host.',
  auth: 'Which key and daemon are used.',
}

export const COMMANDS: readonly Command[] = [
  machineCreate,
  machineList,
  machineGet,
  machineExec,
  machineRun,
  processList,
  processLogs,
  processAttach,
  processStdin,
  processKill,
  ptyCreate,
  ptyList,
  ptyConnect,
  ptyResize,
  ptyKill,
  fileRead,
  fileWrite,
  fileWriteFiles,
  fileList,
  fileExists,
  fileInfo,
  fileMkdir,
  fileMv,
  fileChmod,
  fileRm,
  fileFind,
  fileSearch,
  fileReplace,
  fileWatch,
  fileUrl,
  machineUpload,
  machineDownload,
  machineCp,
  gitClone,
  gitStatus,
  gitLog,
  gitBranch,
  gitCheckout,
  gitAdd,
  gitCommit,
  gitPull,
  gitPush,
  machinePause,
  machineHibernate,
  machineResume,
  machineFork,
  machineTree,
  machineTimeoutSet,
  machineMetrics,
  machineEvents,
  machineKill,
  snapshotCreate,
  snapshotList,
  snapshotGet,
  snapshotDelete,
  eventList,
  eventWatch,
  webhookCreate,
  webhookList,
  webhookGet,
  webhookUpdate,
  webhookDelete,
  webhookDeliveries,
  webhookDelivery,
  monitor,
  templateList,
  quotaShow,
  quotaSet,
  keyCreate,
  keyList,
  keyRevoke,
  daemonStart,
  daemonStop,
  daemonStatus,
  daemonLogs,
  gc,
  doctor,
  authLogin,
  authStatus,
  authEnv,
]
