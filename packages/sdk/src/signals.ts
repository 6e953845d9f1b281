// Signals of the machine, which is Linux whatever this program runs on.

import { MachineError } from './errors.ts'

const NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  CHLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  PWR: 30,
  SYS: 31,
}
const LAST = 64

export const SIGKILL = 9

/** From `15`, `'TERM'` or `'SIGTERM'`, in any letter case. @throws MachineError `invalid_request` */
export function signalNumber(signal: number | string): number {
  const number = typeof signal === 'number' ? signal : (NUMBERS[signal.toUpperCase().replace(/^SIG/, '')] ?? Number(signal || Number.NaN))
  if (Number.isInteger(number) && number >= 1 && number <= LAST) return number
  throw new MachineError(`"${signal}" is no signal`, {
    code: 'invalid_request',
    retryable: false,
    suggestedAction: `Take a name such as SIGTERM, or a number from 1 to ${LAST}.`,
  })
}
