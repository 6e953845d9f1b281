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
import { keyCreate } from './key/create.ts'
import { keyList } from './key/list.ts'
import { keyRevoke } from './key/revoke.ts'
import { machineCreate } from './machine/create.ts'
import { machineExec } from './machine/exec.ts'
import { machineGet } from './machine/get.ts'
import { machineKill } from './machine/kill.ts'
import { machineList } from './machine/list.ts'
import { templateList } from './template/list.ts'

export const GROUPS: Readonly<Record<string, string>> = {
  machine: 'Create, use and destroy machines.',
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
  machineKill,
  templateList,
  keyCreate,
  keyList,
  keyRevoke,
  daemonStart,
  daemonStop,
  daemonStatus,
  daemonLogs,
  doctor,
  authLogin,
  authStatus,
  authEnv,
]
