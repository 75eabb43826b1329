import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  architecturesOf,
  type NanoRecipe,
  parseRecipe,
  readRecipe,
  readRecipes,
  recipeFor,
} from '../../../../src/disk/build/recipe.ts'

const debian = `kind: debian
name: debian-12
description: Debian
loginUser: admin
suite: bookworm
mirror: http://deb.debian.org/debian
diskMib: 8192
architectures:
  x86_64: { packages: [grub-pc] }
  arm64: { packages: [grub-efi-arm64] }
packages:
  - cloud-init
`

test('reads every recipe that is shipped', async () => {
  const recipes = await readRecipes(join(import.meta.dirname, '../../../../images/recipes'))
  const summaries = recipes.map((recipe) => [recipe.name, recipe.loginUser, architecturesOf(recipe).join(' ')])
  expect(summaries).toEqual([
    ['debian-12', 'admin', 'x86_64 i386 arm64'],
    ['debian-13', 'admin', 'x86_64 arm64'],
    ['nano', 'ec2-user', 'x86_64 i386 arm64'],
  ])
})

test('takes what an architecture has of its own, and the paths of its libraries', async () => {
  const recipe = await readRecipe(join(import.meta.dirname, '../../../../images/recipes/nano.yaml'))
  const own = recipeFor(recipe, 'arm64') as NanoRecipe
  expect(own.kernelPackage).toBe('linux-image-cloud-arm64')
  expect(own.files).toContain('lib/aarch64-linux-gnu/security/pam_permit.so')
  expect(own.files).toContain('lib/ld-linux-aarch64.so.1')
  expect(own.packages).toContain('grub-efi-arm64-bin')
  expect(recipeFor(parseRecipe('r.yaml', debian), 'i386')).toBeUndefined()
})

test('refuses an architecture that is none of EC2', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('arm64:', 'sparc:'))).toThrow(/^r\.yaml:\d+: architectures/)
})

test('names file, line and key of a wrong value', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('8192', 'large'))).toThrow(/^r\.yaml:7: diskMib: /)
  expect(() => parseRecipe('r.yaml', debian.replace('- cloud-init', '- "$(reboot)"'))).toThrow(
    /^r\.yaml:12: packages\.0: /,
  )
})

test('refuses what a recipe of another kind has', () => {
  expect(() => parseRecipe('r.yaml', `${debian}modules: []\n`)).toThrow(/^r\.yaml:\d+: modules: /)
})

test('refuses a kind that nobody can build', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('kind: debian', 'kind: windows'))).toThrow(/^r\.yaml:1: kind: /)
})

test('tells the line where the text is not YAML', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('diskMib: 8192', 'diskMib: [8192'))).toThrow(
    /^r\.yaml:(7|8|9|10): /,
  )
})

test('refuses a package name that apt would take for an option', () => {
  expect(() => parseRecipe('r.yaml', debian.replace('- cloud-init', '- --reinstall'))).toThrow(
    /^r\.yaml:12: packages\.0/,
  )
})
