// A WebSocket channel of the contract, as the server runs it: one file each, listed in channels.ts.

import type { ChannelId } from '@nullspace/contract/channels.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ChannelSocket } from './socket.ts'

export interface ChannelCall {
  readonly principal: Principal
  /** Of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
}

export interface Channel {
  readonly id: ChannelId
  /** Most bytes of a client’s frame; without it, as for one that says little. */
  readonly frameBytes?: number
  /** Before the upgrade: what it rejects with is the HTTP answer. */
  admit?(call: ChannelCall): Promise<void>
  /** Sets its listeners before it returns. Whatever it begins ends with `socket.signal`. */
  open(socket: ChannelSocket, call: ChannelCall): void
  /** What is sent before the socket is closed on a client that does not keep to the protocol. */
  readonly complaint?: (message: string) => object
}
