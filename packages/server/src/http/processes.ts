// Processes and terminals of a machine.

import type { App } from '../app/context.ts'
import { killProcess, listProcesses, processLogs, sendStdin } from '../app/processes.ts'
import { getTerminal, killTerminal, listTerminals, resizeTerminal } from '../app/terminals.ts'
import type { Handlers } from './implement.ts'
import { inputOf } from './input.ts'

type ProcessHandlers = Pick<
  Handlers,
  | 'listProcesses'
  | 'getProcessLogs'
  | 'sendStdin'
  | 'killProcess'
  | 'listPtySessions'
  | 'getPtySession'
  | 'killPtySession'
  | 'resizePtySession'
>

export const processHandlers = (app: App): ProcessHandlers => ({
  listProcesses: ({ principal, params }) => listProcesses(app, principal, params.id),
  getProcessLogs: ({ principal, params }) => processLogs(app, principal, params.id, params.pid),
  sendStdin: ({ principal, params, body }) => sendStdin(app, principal, params.id, params.pid, inputOf(body)).then(() => undefined),
  killProcess: ({ principal, params }) => killProcess(app, principal, params.id, params.pid).then(() => undefined),
  listPtySessions: ({ principal, params }) => listTerminals(app, principal, params.id),
  getPtySession: ({ principal, params }) => getTerminal(app, principal, params.id, params.sid),
  killPtySession: ({ principal, params }) => killTerminal(app, principal, params.id, params.sid).then(() => undefined),
  resizePtySession: ({ principal, params, body }) => resizeTerminal(app, principal, params.id, params.sid, body).then(() => undefined),
})
