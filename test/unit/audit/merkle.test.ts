import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inclusionProof, leafHash, rootFromProof, rootOf, TILE_WIDTH, Tree } from '../../../fhir/audit/merkle.ts';

// The vectors of RFC 6962's reference implementation: github.com/google/certificate-transparency/blob/master/cpp/merkletree/merkle_tree_test.cc
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

test('gives the roots of the reference implementation of RFC 6962', () => {
  const tree = new Tree();
  assert.is(tree.root().toString('hex'), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  for (const [i, input] of INPUTS.entries()) {
    tree.add(leafHash(Buffer.from(input, 'hex')));
    assert.is(tree.root().toString('hex'), ROOTS[i]);
  }
});

const leaves = Array.from({ length: 70_000 }, (_, i) => leafHash(Buffer.from(String(i))));

test('a tree grown leaf by leaf over three levels of tiles has the root of the whole', () => {
  const tree = new Tree();
  const tiles = leaves.flatMap((leaf) => tree.add(leaf));
  assert.equal(tree.root(), rootOf(leaves));
  assert.is(tiles.filter(({ level }) => level === 0).length, Math.floor(leaves.length / TILE_WIDTH));
  assert.equal(
    tiles.filter(({ level }) => level === 1).map(({ index }) => index),
    [0],
  );
  assert.equal(tiles[1]!.bytes, Buffer.concat(leaves.slice(TILE_WIDTH, 2 * TILE_WIDTH)));
});

test('every proof in trees of up to 40 leaves leads to the root, and to no other with another leaf, index or size', () => {
  for (let size = 1; size <= 40; size++) {
    const root = rootOf(leaves, 0, size);
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof((from, to) => rootOf(leaves, from, to), index, size);
      assert.equal(rootFromProof(leaves[index]!, index, size, proof), root, `leaf ${index} of ${size}`);
      assert.not.equal(rootFromProof(leaves[index + 1]!, index, size, proof), root);
      if (size > 1) assert.not.equal(rootFromProof(leaves[index]!, (index + 1) % size, size, proof), root);
      assert.not.equal(rootFromProof(leaves[index]!, index, size, [...proof, root]), root);
    }
  }
});

test.run();
