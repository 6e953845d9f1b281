import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BLOCK_PREFIX,
  candidateBlocks,
  capacityOf,
  formatBlock,
  namesOf,
  overlaps,
  parseBlock,
  sizeOf,
  slotAddresses,
  toAddress,
  toNumber,
} from './addresses.ts'

const address = fc.nat(0xffffffff)
const block = fc
  .record({ address, prefix: fc.integer({ min: 0, max: 32 }) })
  .map(({ address: at, prefix }) => parseBlock(`${toAddress(at)}/${prefix}`))
const instance = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 4, maxLength: 4 })

describe('addresses', () => {
  it('survive a round trip', () => fc.assert(fc.property(address, (value) => void expect(toNumber(toAddress(value))).toBe(value))))
  it.each(['', '1.2.3', '1.2.3.256', '1.2.3.4.5', '1.2.3.x', '-1.2.3.4', '1.2.3.', 'fe80::1'])('refuses %j', (text) => {
    expect(() => toNumber(text)).toThrow('not an IPv4 address')
  })
  it.each(['1.2.3.4/33', '1.2.3.4/', '1.2.3.4/x', 'default'])('refuses the block %j', (text) => {
    expect(() => parseBlock(text)).toThrow(/not an IPv4/)
  })
})

describe('blocks', () => {
  it('survive a round trip', () => fc.assert(fc.property(block, (one) => void expect(parseBlock(formatBlock(one))).toEqual(one))))
  it('overlap exactly when one holds the first address of the other', () => {
    const holds = (outer: { base: number; prefix: number }, at: number) => at >= outer.base && at < outer.base + sizeOf(outer)
    fc.assert(fc.property(block, block, (a, b) => void expect(overlaps(a, b)).toBe(holds(a, b.base) || holds(b, a.base))))
  })
  it('are tried all, each once, inside their pools, CGNAT first', () => {
    fc.assert(
      fc.property(instance, (id) => {
        const blocks = [...candidateBlocks(id, { avoidCgnat: false })]
        const [cgnat, benchmark] = [parseBlock('100.64.0.0/10'), parseBlock('198.18.0.0/15')]
        expect(new Set(blocks.map(formatBlock)).size).toBe(1024 + 32)
        expect(blocks.slice(0, 1024).every((one) => overlaps(one, cgnat))).toBe(true)
        expect(blocks.slice(1024).every((one) => overlaps(one, benchmark))).toBe(true)
      }),
      { numRuns: 20 },
    )
  })
  it('are spread over instances', () => {
    const firsts = Array.from(
      { length: 200 },
      (_, n) => candidateBlocks(n.toString(16).padStart(4, '0'), { avoidCgnat: false }).next().value,
    )
    expect(new Set(firsts.map((one) => one && formatBlock(one))).size).toBeGreaterThan(150)
  })
})

describe('slots', () => {
  it('are disjoint /31 pairs inside the block', () => {
    fc.assert(
      fc.property(instance, fc.nat(2047), (id, index) => {
        const [own] = candidateBlocks(id, { avoidCgnat: false })
        if (!own) throw new Error('no block')
        const { host, slot } = slotAddresses(own, index)
        expect(toNumber(host) % 2).toBe(0)
        expect(toNumber(slot)).toBe(toNumber(host) + 1)
        expect(overlaps(parseBlock(slot), own)).toBe(true)
        expect((toNumber(host) - own.base) / 2).toBe(index)
      }),
    )
  })
  it('number at least 1024, and none lies outside', () => {
    const own = parseBlock(`100.64.0.0/${BLOCK_PREFIX}`)
    expect(capacityOf(own)).toBe(2048)
    expect(() => slotAddresses(own, 2048)).toThrow('slot 2048 is outside 100.64.0.0/20')
  })
})

describe('names', () => {
  it('fit the kernel and tell their index, to their own instance only', () => {
    fc.assert(
      fc.property(instance, instance, fc.nat(65535), (id, other, index) => {
        const names = namesOf(id)
        expect(names.veth(index).length).toBeLessThan(16)
        expect(names.indexOf(names.veth(index))).toBe(index)
        expect(names.indexOf(names.netns(index))).toBe(index)
        expect(namesOf(other).indexOf(names.netns(index))).toBe(other === id ? index : null)
      }),
    )
  })
  it.each(['nvbeef-', 'nvbeef-01', 'nvbeef-1x', 'nvbeef--1', 'xnvbeef-1', 'eth0'])('passes %j by', (name) => {
    expect(namesOf('beef').indexOf(name)).toBeNull()
  })
  it.each(['', 'BEEF', 'beef0', '../x'])('refuses the instance %j', (id) => expect(() => namesOf(id)).toThrow('four hex digits'))
})
