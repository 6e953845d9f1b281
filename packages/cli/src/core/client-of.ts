import { Client, findConfig } from '@nullspace/sdk'
import type { Io } from './io.ts'

/** With key and URL as the environment and the config files give them; a missing key is reported by the first call. */
export function clientOf({ env, cwd, home }: Pick<Io, 'env' | 'cwd' | 'home'>): Client {
  const { apiKey, baseUrl } = findConfig({}, { env, cwd, home })
  return new Client({ apiKey: apiKey.value ?? '', baseUrl: baseUrl.value })
}
