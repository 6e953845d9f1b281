// Who a machine is, as it sees itself.

import { expect } from 'vitest'
import type { Machine } from './machine.ts'

/** What the kernel gives and what a program makes of it: each could be the same in a copy. */
const LOOK = `hostname
cat /etc/hostname
cat /etc/machine-id
cat /proc/sys/kernel/random/boot_id
cat /proc/sys/kernel/random/uuid
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' '
mktemp -u
date +%s.%N`

export interface Look {
  readonly machine: Machine
  readonly names: { readonly hostname: string; readonly file: string; readonly machineId: string; readonly bootId: string }
  readonly random: readonly string[]
  /** Seconds that the guest's clock was ahead of every moment in which it can have been read. */
  readonly clockOffBy: number
}

export async function look(machine: Machine): Promise<Look> {
  const from = Date.now() / 1000
  const [hostname = '', file = '', machineId = '', bootId = '', ...rest] = (await machine.text(LOOK)).split('\n')
  const to = Date.now() / 1000
  const now = Number(rest.pop())
  return { machine, names: { hostname, file, machineId, bootId }, random: rest, clockOffBy: Math.max(from - now, now - to, 0) }
}

/** Nothing that tells machines apart is the same in two of them, and each knows its own name and the time. */
export function expectAllDifferent(looks: readonly Look[]): void {
  for (const { machine, names, clockOffBy } of looks) {
    expect([names.hostname, names.file]).toEqual(Array(2).fill(machine.id.replace('_', '-')))
    expect(clockOffBy).toBeLessThan(2)
  }
  for (const of of [({ names }: Look) => [names.machineId], ({ names }: Look) => [names.bootId], ({ random }: Look) => random]) {
    const all = looks.flatMap(of)
    expect(new Set(all).size).toBe(all.length)
  }
}
