// Work in a machine, live: what a connection is for, its query says.

import { AppError } from '@nullspace/contract/errors.ts'
import type { App } from '../../app/context.ts'
import { getMachine } from '../../app/machines.ts'
import type { Channel, ChannelCall } from './channel.ts'
import { openExec } from './exec-channel.ts'
import { openPty } from './pty-channel.ts'
import type { ChannelSocket } from './socket.ts'
import { openWatch } from './watch-channel.ts'

/** Input of commands comes in frames: as much as a client may send over HTTP at once, in base64. */
const INPUT_FRAME_BYTES = 4 * 1024 * 1024

const KINDS: Readonly<Record<string, (app: App, socket: ChannelSocket, call: ChannelCall) => void>> = { exec: openExec, pty: openPty }

/** Without a word about it, files are watched. */
const openerOf = (kind: string | null) => (kind === null ? openWatch : Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined)

export const workChannel = (app: App): Channel => ({
  id: 'websocketUpgrade',
  frameBytes: INPUT_FRAME_BYTES,
  async admit({ principal, params, query }) {
    if (!openerOf(query.get('channel')))
      throw new AppError('invalid_request', { say: 'channel: must be exec or pty, or be left out.', details: { field: 'channel' } })
    await getMachine(app, principal, params['id'] ?? '')
  },
  open(socket, call) {
    openerOf(call.query.get('channel'))?.(app, socket, call)
  },
})
