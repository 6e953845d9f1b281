// What tests need to see that something is refused.

import { open } from 'node:fs/promises'
import { DriverError } from '../errors.ts'

/** The code that it is refused with; any other end is an error of the test. */
export async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof DriverError) return error.code
    throw error
  }
  throw new Error('it was not refused')
}

/** Whatever byte is there becomes another. */
export async function flipByte(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, at)
  byte[0] = ~(byte[0] ?? 0)
  await file.write(byte, 0, 1, at)
}
