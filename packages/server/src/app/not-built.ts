// Options that the wire knows and this release does not: refused by name, never ignored.

import { AppError } from '@nullspace/contract/errors.ts'
import type { CreateMachineBody } from '@nullspace/contract/machines.ts'
import type { z } from 'zod'

type CreateInput = z.output<typeof CreateMachineBody>

const isSet = (value: unknown): boolean => value !== undefined && value !== null && value !== false

/** True when the request asks for what the option does. */
const ASKS_FOR: { readonly [option: string]: (input: CreateInput) => boolean } = {
  warm_pool: (input) => isSet(input.warm_pool),
  desktop: (input) => isSet(input.desktop),
  network: (input) => isSet(input.network),
  volumes: (input) => (input.volumes?.length ?? 0) > 0,
}

export function refuseNotBuilt(input: CreateInput): void {
  for (const [option, asked] of Object.entries(ASKS_FOR)) {
    if (asked(input)) throw notBuilt(option)
  }
}

export function notBuilt(option: string): AppError {
  return new AppError('not_implemented', { say: `The option ${option} is not available in this release.`, details: { option } })
}
