import { Machine, RUN_ONCE_DEFAULTS, type RunOnceOptions } from '@nullspace/sdk'
import { defineCommand } from '../core/command.ts'
import { usageError } from '../core/failure.ts'
import { flag, manyArguments, optionalArgument, whole } from '../core/options.ts'
import { duration } from '../core/table.ts'
import { toWire } from '../core/wire.ts'
import { machineOptions, merged } from './create-options.ts'

export const machineRun = defineCommand({
  path: 'machine run',
  summary: 'Run a command in a machine of its own, which is destroyed when it is done; exits with the command’s exit code.',
  args: {
    command: optionalArgument('cmd', 'Program to run, or a whole command line with --shell'),
    rest: manyArguments('args', 'Its arguments; put -- before the command, so that none is taken for an option of nullspace'),
  },
  options: {
    ...machineOptions,
    shell: flag('--shell', 'Give the command line to the machine’s shell'),
    timeout: whole('--timeout <seconds>', `Kill it after so many seconds (default: ${RUN_ONCE_DEFAULTS.timeout})`),
    retainOnFailure: flag('--retain-on-failure', 'Keep the machine when the command fails'),
    retentionSeconds: whole('--retention-seconds <n>', `How long it is kept (default: ${RUN_ONCE_DEFAULTS.retentionSeconds})`),
  },
  examples: [
    'nullspace machine run -- python3 -c "print(6 * 7)"',
    'nullspace machine run --vcpus 4 --timeout 600 --retain-on-failure -- make test',
    'nullspace machine run --snapshot-id snap_abc --shell "cd /workspace && ./check"',
  ],
  passThrough: true,
  async run({ client, args, io, json, note }) {
    const { command, rest, envJson, env, metadataJson, metadata, memory, disk, retainOnFailure, retentionSeconds, ...same } = args
    if (command === undefined) throw usageError('no command given', 'Name a program after --, or use --shell "command line".')
    if (command.startsWith('-')) throw usageError(`unknown option '${command}'`, 'Put the options of the command itself after --.')
    if (retentionSeconds !== undefined && !retainOnFailure) throw usageError('--retention-seconds needs --retain-on-failure')
    // The output is the command's own: only a person is told what goes on.
    if (io.stderr.isTTY && !json) note('creating a machine')
    return Machine.runOnce(command, rest, {
      ...same,
      client,
      memoryMb: memory,
      diskMb: disk,
      // The daemon says so when a value of --env-json is no text.
      envs: merged(envJson, env) as RunOnceOptions['envs'],
      metadata: merged(metadataJson, metadata),
      retainOnFailure,
      retentionSeconds,
      signal: io.signal,
    })
  },
  toJson: toWire,
  render({ stdout, stderr, stdoutDroppedBytes, stderrDroppedBytes, retained, machineId }, { args, io, note }) {
    if (stdout !== '') io.stdout.write(stdout)
    if (stderr !== '') io.stderr.write(stderr)
    const dropped = (stdoutDroppedBytes ?? 0) + (stderrDroppedBytes ?? 0)
    if (dropped > 0) note(`note: the command printed more than is kept; ${dropped} bytes were dropped`)
    const kept = duration((args.retentionSeconds ?? RUN_ONCE_DEFAULTS.retentionSeconds) * 1000)
    if (retained) note(`note: the machine was kept for ${kept}: ${machineId}`)
  },
  exitCode: ({ exitCode }) => exitCode,
})
