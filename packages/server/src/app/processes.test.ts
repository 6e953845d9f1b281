import { expect, test } from 'vitest'
import { textOf } from './processes.ts'

const part = (kind: 'stdout' | 'stderr', ...bytes: number[]) => ({ kind, bytes: Buffer.from(bytes) })
const parts = [part('stdout', 0x61, 0xff), part('stderr', 0xc3), part('stdout', 0xc3), part('stderr', 0xa9)]

test('logs are text in the order of the output; half a character is shown once no more of it can come', () => {
  const logs = { parts, running: true, exitCode: 0, droppedStdout: 0, droppedStderr: 0 }
  expect(textOf(logs)).toEqual({ stdout: 'a\ufffd', stderr: 'é', output: 'a\ufffdé', exit_code: null })
  expect(textOf({ ...logs, running: false, exitCode: 3 })).toEqual({
    stdout: 'a\ufffd\ufffd',
    stderr: 'é',
    output: 'a\ufffdé\ufffd',
    exit_code: 3,
  })
})

test('of logs that are not whole the bytes are told: those that are missing, and those that are kept', () => {
  expect(textOf({ parts, running: true, exitCode: 0, droppedStdout: 5, droppedStderr: 2 })).toEqual({
    stdout: 'a\ufffd',
    stderr: 'é',
    output: 'a\ufffdé',
    exit_code: null,
    dropped_bytes: 7,
    stdout_kept_bytes: 3,
    stderr_kept_bytes: 2,
  })
})
