// What a daemon says of a process on its connection.

export const PID = 41
export const started = { type: 'exec_started', pid: PID }
const printed = (type: string, data: string | readonly number[]) => ({ type, pid: PID, data_base64: base64(data) })
export const out = (data: string | readonly number[]) => printed('exec_stdout', data)
export const err = (data: string | readonly number[]) => printed('exec_stderr', data)
export const exit = (code: number) => ({ type: 'exec_exit', pid: PID, exit_code: code })

export const base64 = (data: string | readonly number[]): string =>
  (typeof data === 'string' ? Buffer.from(data) : Buffer.from(data)).toString('base64')
