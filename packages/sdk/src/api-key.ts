import { KeyInfo, createKey, listKeys, revokeKey } from '@nullspace/contract/keys.ts'
import type { RouteInput } from '@nullspace/contract/route.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, type Camel } from './naming.ts'

type Body = RouteInput<typeof createKey>

export type ApiKeyInfo = Camel<KeyInfo>
/** `key` is the secret itself; it is in this answer only. */
export type NewApiKey = Camel<(typeof createKey)['success']['body']['_zod']['output']>

export interface CreateApiKeyOptions extends Connection {
  readonly name?: Body['name']
  /** `operator` may manage the host and all owners. Default: `user`. */
  readonly scope?: Body['scope']
  /** Whose machines the key sees; made when new. Default: the caller's own owner. */
  readonly owner?: Body['owner']
}

export const ApiKey = {
  /** @throws PermissionError when the caller's key may not make such a key. */
  async create(options: CreateApiKeyOptions = {}): Promise<NewApiKey> {
    const body = {
      ...(options.name == null ? {} : { name: options.name }),
      ...(options.scope == null ? {} : { scope: options.scope }),
      ...(options.owner == null ? {} : { owner: options.owner }),
    }
    return fromWire(createKey.success.body, await Client.of(options).call(createKey, { body }, options))
  },

  /** All keys for an operator, else those of the caller's owner. */
  async list(options: Connection = {}): Promise<ApiKeyInfo[]> {
    const keys = await Client.of(options).call(listKeys, {}, options)
    return keys.map((key) => fromWire(KeyInfo, key))
  },

  /** Stops working at once. @throws NotFoundError */
  async revoke(id: string, options: Connection = {}): Promise<void> {
    await Client.of(options).call(revokeKey, { params: { id } }, options)
  },
}
