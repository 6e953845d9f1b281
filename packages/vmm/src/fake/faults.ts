// Scripted trouble for the fake: each fault runs before the step it is named for.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Op } from '../op.ts'

export type Fault = (op: Op) => Promise<void>

/**
 * Steps of the fake that can be made to fail. `greet` is the guest's answer to Hello; `capture` comes before the VM is
 * stopped for it, `captureCopy` while it stands still.
 */
export type FaultPoint =
  | 'boot'
  | 'restore'
  | 'adopt'
  | 'connect'
  | 'greet'
  | 'pause'
  | 'resume'
  | 'resizeDisk'
  | 'seal'
  | 'capture'
  | 'captureCopy'
  | 'kill'
export type Faults = Partial<Record<FaultPoint, Fault>>

/** Fails as the system does, e.g. with `EIO` or `ENOSPC`, the first `times`. */
export function failTimes(times: number, code: string): Fault {
  let left = times
  return () => (left-- > 0 ? Promise.reject(systemError(code)) : Promise.resolve())
}

export const failOnce = (code: string): Fault => failTimes(1, code)
export const failAlways = (code: string): Fault => failTimes(Infinity, code)

/** Never gets on; ends with the operation's deadline. */
export const hang = (): Fault => (op) => op.race(new Promise<never>(() => {}))

export const delay =
  (ms: number): Fault =>
  (op) =>
    op.race(sleep(ms))

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: scripted fault`), { code })
}
