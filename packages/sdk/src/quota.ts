import { QuotaState as WireQuotaState, getQuota, setQuota } from '@nullspace/contract/quotas.ts'
import { Client, type Connection } from './client.ts'
import { fromWire, snake, type Camel } from './naming.ts'

/** `limits`: null is no bound. `used.vcpus` and `used.memoryMb` are of what runs, `used.machines` counts paused ones too. */
export type QuotaState = Camel<WireQuotaState>
export type QuotaLimits = QuotaState['limits']

export const Quota = {
  /** What an owner may hold and holds; default: the key's own. @throws PermissionError for another owner without an operator's key. */
  async get(owner = 'me', options: Connection = {}): Promise<QuotaState> {
    return fromWire(WireQuotaState, await Client.of(options).call(getQuota, { params: { owner } }, options))
  },

  /** Changes what is named: a number, or null for no bound. Needs an operator's key. @throws PermissionError, NotFoundError `owner_not_found` */
  async set(owner: string, limits: Partial<QuotaLimits>, options: Connection = {}): Promise<QuotaState> {
    const body = Object.fromEntries(Object.entries(limits).map(([name, bound]) => [snake(name), bound]))
    return fromWire(WireQuotaState, await Client.of(options).call(setQuota, { params: { owner }, body }, options))
  },
}
