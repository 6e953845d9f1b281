// Terminals: sessions of a shell with a screen, that outlive the connections to them.

import { z } from 'zod'
import { Envs, GuestUser, MachineParams } from './machines.ts'
import { inBase64, killProcess, STDIN_BYTES } from './processes.ts'
import { NO_BODY, route } from './route.ts'

const ERRORS_INSIDE = [...killProcess.errors.filter((code) => code !== 'process_not_found'), 'session_not_found'] as const
const side = z.number().int().min(1).max(65_535)
const TerminalParams = z.object({ id: z.string(), sid: z.string() })

export const PtySessionInfo = z.object({
  session_id: z.string(),
  pid: z.number().int(),
  cols: z.number().int(),
  rows: z.number().int(),
  exec_id: z.string(),
})
export type PtySessionInfo = z.output<typeof PtySessionInfo>

export const listPtySessions = route({
  id: 'listPtySessions',
  method: 'GET',
  path: '/v1/machines/{id}/pty',
  summary: 'Terminals that run, in the order of their start.',
  access: 'key',
  params: MachineParams,
  success: { status: 200, body: z.array(PtySessionInfo) },
  errors: ERRORS_INSIDE,
})

export const getPtySession = route({
  id: 'getPtySession',
  method: 'GET',
  path: '/v1/machines/{id}/pty/{sid}',
  summary: 'One terminal.',
  access: 'key',
  params: TerminalParams,
  success: { status: 200, body: PtySessionInfo },
  errors: ERRORS_INSIDE,
})

export const killPtySession = route({
  id: 'killPtySession',
  method: 'DELETE',
  path: '/v1/machines/{id}/pty/{sid}',
  summary: 'End a terminal and what runs in it; answered when it is gone.',
  access: 'key',
  params: TerminalParams,
  success: { status: 204, body: NO_BODY },
  errors: ERRORS_INSIDE,
})

export const resizePtySession = route({
  id: 'resizePtySession',
  method: 'POST',
  path: '/v1/machines/{id}/pty/{sid}/resize',
  summary: 'Give a terminal another size, in characters.',
  access: 'key',
  params: TerminalParams,
  body: z.strictObject({ cols: side, rows: side }),
  success: { status: 204, body: NO_BODY },
  errors: ERRORS_INSIDE,
})

const id = z.string().min(1).max(200)
const session_id = z.string().max(200).nullish()
const noNul = (value: string): boolean => !value.includes('\0')

/** What a client sends on the channel of one terminal. */
export const PtyFrame = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('pty_start'),
    id,
    cols: side,
    rows: side,
    cwd: z.string().max(4096).refine(noNul, 'must not contain NUL').nullish(),
    envs: Envs.nullish(),
    /** Ours: whose shell it is (root when left out), and which (the user's own when left out). */
    user: GuestUser.nullish(),
    shell: z.string().min(1).max(4096).refine(noNul, 'must not contain NUL').nullish(),
  }),
  z.object({ type: z.literal('pty_connect'), id, session_id, pid: z.number().int().min(1).nullish() }),
  z.object({ type: z.literal('pty_input'), id, session_id, data: z.string().max(STDIN_BYTES).nullish(), data_base64: inBase64.nullish() }),
  z.object({ type: z.literal('pty_resize'), id, session_id, cols: side, rows: side }),
  z.object({ type: z.literal('pty_kill'), id, session_id }),
])
export type PtyFrame = z.output<typeof PtyFrame>
