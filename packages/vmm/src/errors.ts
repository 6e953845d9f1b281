/** What a driver could not do, in a form that callers tell apart; `cause` has the detail. */
export type DriverErrorCode =
  | 'launch_failed'
  | 'bad_snapshot'
  | 'incompatible_snapshot'
  | 'vm_gone'
  | 'unsupported'
  | 'no_space'
  | 'control_failed'

export class DriverError extends Error {
  override readonly name = 'DriverError'
  readonly code: DriverErrorCode
  constructor(code: DriverErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Throws `error`, as no_space if that is what the system or the hypervisor meant. For `.catch()`. */
export function noSpaceOr(error: unknown): never {
  const { code, message = '' } = error as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && !message.includes('No space left on device')) throw error
  throw new DriverError('no_space', 'The host has no space left for what the VM needs', { cause: error })
}
