// What went wrong below, as the caller shall read it.

import { AppError } from '@nullspace/contract/errors.ts'
import { ChannelLost, GuestFailure, OutputTooMuch, ProcessEnded } from '../host/guest/guest.ts'
import { DeadlineError } from '../observe/op.ts'

/** For work on the host: starting, restoring, building. */
export function hostFailure(error: unknown, what: string): AppError {
  if (error instanceof AppError) return error
  if (has(error, ['no_free_slot']))
    return new AppError('capacity_exceeded', { say: 'The host has no network slot left for another machine.', cause: error })
  if (has(error, ['incompatible_snapshot']))
    return new AppError('incompatible_snapshot', {
      say: `The saved state does not fit this host: ${wordsOf(error, 'incompatible_snapshot')}`,
      cause: error,
    })
  if (has(error, ['bad_snapshot']))
    return new AppError('rebuild_required', { say: 'The saved state is damaged, and nothing was started from it.', cause: error })
  if (isNoSpace(error)) return new AppError('insufficient_storage', { say: `The host has no disk space left to ${what}.`, cause: error })
  if (isTaken(error)) {
    return new AppError('transition_in_progress', {
      say: 'An earlier operation on this machine could not be finished or undone yet; the daemon keeps trying.',
      cause: error,
    })
  }
  if (error instanceof DeadlineError)
    return new AppError('no_eligible_runtime_host', { say: `The host took too long to ${what}.`, cause: error })
  return new AppError('no_eligible_runtime_host', { say: `The host could not ${what}.`, cause: error })
}

/** For work inside a machine. */
export function guestFailure(error: unknown, machineId: string): AppError {
  if (error instanceof AppError) return error
  if (error instanceof GuestFailure) {
    if (error.reason === 'bad_cwd')
      return new AppError('invalid_request', { say: `cwd: ${error.message}`, details: { field: 'cwd' }, cause: error })
    if (error.reason === 'bad_user')
      return new AppError('invalid_request', { say: `user: ${error.message}`, details: { field: 'user' }, cause: error })
    if (error.reason === 'no_process')
      return new AppError('process_not_found', { say: `There is no such process in machine ${machineId}.`, cause: error })
    if (error.reason === 'unsupported') return new AppError('not_implemented', { say: `${upper(error.message)}.`, cause: error })
    return new AppError('exec_failed', { say: error.message, details: { reason: error.reason }, cause: error })
  }
  if (error instanceof OutputTooMuch) {
    return new AppError('capacity_exceeded', {
      say: 'Too much output of running commands is held at the moment; write it to a file instead.',
      cause: error,
    })
  }
  if (error instanceof ProcessEnded) {
    return new AppError('exec_failed', {
      say: 'The process has ended; it takes no input any more.',
      details: { reason: 'ended' },
      cause: error,
    })
  }
  if (error instanceof ChannelLost) {
    return new AppError('machine_failed', {
      say: `The agent of machine ${machineId} was lost while it worked on this: ${error.message}.`,
      cause: error,
    })
  }
  if (error instanceof DeadlineError) {
    return new AppError('machine_failed', { say: `Machine ${machineId} did not answer in time.`, cause: error })
  }
  return new AppError('internal_error', { say: 'The request failed inside the daemon.', context: { machineId }, cause: error })
}

/** For the journal and for events: how an operation that failed is told. */
export function explain(error: unknown): { code: string; message: string } {
  const { code, message } = hostFailure(error, 'do this')
  return { code, message }
}

/** What the one in the chain of causes says that has this code. */
function wordsOf(error: unknown, code: string): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) if ((at as { code?: unknown }).code === code) return at.message
  return ''
}

/** The host's disk is full, whoever met it: a file, a driver, or the database (SQLITE_FULL is 13). */
export function isNoSpace(error: unknown): boolean {
  return has(error, ['ENOSPC', 'EDQUOT', 'no_space']) || (error as { errcode?: unknown } | null)?.errcode === 13
}

/** One operation at a time: the journal has one already (SQLITE_CONSTRAINT_UNIQUE). */
function isTaken(error: unknown): boolean {
  return (error as { errcode?: unknown } | null)?.errcode === 2067
}

/** Whether anything in the chain of causes carries one of these codes, its own or the system's. */
function has(error: unknown, codes: readonly string[]): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (codes.includes(String((at as { code?: unknown }).code))) return true
  }
  return false
}

const upper = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
