//! The plain loops against textbook attention, and the GPU's kernels, run thread by thread on this
//! machine by `engine/cuda/emulate.c`, against the plain loops.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};

use super::{DeviceKv, NONE, PagedRows, Program};
use crate::{BLOCK_SIZE, BlockId};

const DTYPES: [DType; 3] = [DType::F16, DType::BF16, DType::F32];

/// Three sequences of different lengths over blocks in no order, and rows that fill.
struct Case {
    kv_heads: usize,
    group: usize,
    head_dim: usize,
    window: Option<usize>,
    positions: Vec<u32>,
    sequences: Vec<u32>,
    tables: Vec<Vec<u32>>,
}

const BLOCKS: usize = 16;
const SCALE: f32 = 0.25;

impl Case {
    fn new(kv_heads: usize, group: usize, head_dim: usize, window: Option<usize>) -> Self {
        Self {
            kv_heads,
            group,
            head_dim,
            window,
            // A prompt's chunk in the middle, a decode at the end of a block, one at its beginning.
            positions: vec![37, 38, 39, NONE, 79, 16, 0, NONE],
            sequences: vec![0, 0, 0, 0, 1, 2, 3, 0],
            tables: vec![
                vec![9, 2, 14, 0, 0],
                vec![1, 15, 3, 8, 5],
                vec![7, 12, 0, 0, 0],
                vec![4, 0, 0, 0, 0],
            ],
        }
    }

    fn slot(&self, sequence: u32, position: u32) -> u32 {
        let block = self.tables[sequence as usize][position as usize / BLOCK_SIZE];
        block * 16 + position % 16
    }

    fn rows(&self) -> PagedRows {
        let pairs = self.positions.iter().zip(&self.sequences);
        let slots: Vec<u32> = pairs
            .map(|(&position, &sequence)| match position {
                NONE => NONE,
                position => self.slot(sequence, position),
            })
            .collect();
        let tensor = |values: &[u32]| Tensor::new(values, &Device::Cpu).unwrap();
        PagedRows {
            positions: tensor(&self.positions),
            slots: tensor(&slots),
            sequences: tensor(&self.sequences),
            tables: Tensor::new(self.tables.clone(), &Device::Cpu).unwrap(),
        }
    }

    /// Values from -1 to 1, different for each `seed`.
    fn values(seed: u32, shape: &[usize]) -> Tensor {
        let len = u32::try_from(shape.iter().product::<usize>()).unwrap();
        let value = |i: u32| {
            let mixed = (i + 1).wrapping_mul(0x9e37_79b9) ^ seed.wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d) >> 16;
            f32::from(u16::try_from(mixed).unwrap()) / 32767.5 - 1.0
        };
        Tensor::from_vec((0..len).map(value).collect(), shape, &Device::Cpu).unwrap()
    }

    /// Keys, values and queries of the rows.
    fn new_rows(&self) -> [Tensor; 3] {
        let rows = self.positions.len();
        let kv = [rows, self.kv_heads, self.head_dim];
        let q = [rows, self.kv_heads * self.group, self.head_dim];
        [
            Self::values(1, &kv),
            Self::values(2, &kv),
            (Self::values(3, &q) * 8.0).unwrap(),
        ]
    }

    /// A cache in which every position has something.
    fn cache(&self, dtype: DType) -> DeviceKv {
        let shape = (BLOCKS, self.kv_heads, self.head_dim);
        let program = Program::compile(&Device::Cpu, dtype).unwrap();
        let cache = DeviceKv::new(shape, self.window, dtype, &Device::Cpu, &program).unwrap();
        let positions = BLOCKS * BLOCK_SIZE;
        let everywhere = PagedRows {
            slots: Tensor::arange(0, u32::try_from(positions).unwrap(), &Device::Cpu).unwrap(),
            ..self.rows()
        };
        let old = |seed| Self::values(seed, &[positions, self.kv_heads, self.head_dim]);
        cache.write(&old(4), &old(5), &everywhere).unwrap();
        cache
    }

    /// The cache's keys and values, block by block.
    fn bytes(cache: &DeviceKv) -> (Vec<u8>, Vec<u8>) {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for block in 0..BLOCKS {
            let mut bytes = vec![0; cache.block_bytes()];
            let block = BlockId(u32::try_from(block).unwrap());
            cache.read_block(block, &mut bytes).unwrap();
            let (k, v) = bytes.split_at(bytes.len() / 2);
            keys.extend_from_slice(k);
            values.extend_from_slice(v);
        }
        (keys, values)
    }
}

fn cases() -> Vec<Case> {
    vec![
        Case::new(2, 3, 16, None),
        Case::new(1, 1, 48, None),
        Case::new(1, 4, 32, Some(7)),
        Case::new(2, 2, 16, Some(33)),
        Case::new(1, 2, 16, Some(1)),
    ]
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let floats = bytes.as_chunks().0.iter();
    floats.map(|bytes| f32::from_ne_bytes(*bytes)).collect()
}

fn widen(bytes: &[u8], dtype: DType) -> Vec<f32> {
    if dtype == DType::F32 {
        return floats(bytes);
    }
    let numbers = bytes.as_chunks().0.iter();
    let numbers = numbers.map(|bytes| u16::from_ne_bytes(*bytes));
    match dtype == DType::F16 {
        true => numbers.map(|bits| f16::from_bits(bits).to_f32()).collect(),
        false => numbers.map(|bits| bf16::from_bits(bits).to_f32()).collect(),
    }
}

#[test]
fn the_plain_loop_is_attention() {
    for case in cases() {
        let cache = case.cache(DType::F32);
        let [k, v, q] = case.new_rows();
        let rows = case.rows();
        cache.write(&k, &v, &rows).unwrap();
        let out = cache.attend(&q, &rows, SCALE).unwrap();
        let out = out.to_vec3::<f32>().unwrap();
        let (keys, values) = Case::bytes(&cache);
        let (keys, values) = (widen(&keys, DType::F32), widen(&values, DType::F32));
        let q = q.to_vec3::<f32>().unwrap();
        for (row, &position) in case.positions.iter().enumerate() {
            for head in 0..case.kv_heads * case.group {
                if position == NONE {
                    assert!(out[row][head].iter().all(|&x| x.to_bits() == 0));
                    continue;
                }
                let window = u32::try_from(case.window.unwrap_or(1 << 20)).unwrap();
                let first = (position + 1).saturating_sub(window);
                let at = |p: u32| {
                    let slot = case.slot(case.sequences[row], p) as usize;
                    (slot * case.kv_heads + head / case.group) * case.head_dim
                };
                // In f64, position by position.
                let weight = |p: u32| {
                    let key = &keys[at(p)..][..case.head_dim];
                    let products = q[row][head].iter().zip(key);
                    let score: f64 = products.map(|(&q, &k)| f64::from(q) * f64::from(k)).sum();
                    (score * f64::from(SCALE)).exp()
                };
                let total: f64 = (first..=position).map(weight).sum();
                for (d, &found) in out[row][head].iter().enumerate() {
                    let terms =
                        (first..=position).map(|p| weight(p) * f64::from(values[at(p) + d]));
                    let expected = terms.sum::<f64>() / total;
                    assert!(
                        (f64::from(found) - expected).abs() < 1e-5,
                        "row {row}, head {head}, value {d}: {found} is not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn blocks_come_back_as_they_were() {
    for dtype in DTYPES {
        let case = Case::new(2, 1, 16, None);
        let cache = case.cache(dtype);
        assert_eq!(cache.block_bytes(), DeviceKv::bytes_per_block(2, 16, dtype));
        assert_eq!(cache.bytes(), BLOCKS * cache.block_bytes());
        let mut before = vec![0; cache.block_bytes()];
        cache.read_block(BlockId(3), &mut before).unwrap();
        cache.write_block(BlockId(11), &before).unwrap();
        let mut after = vec![0; cache.block_bytes()];
        cache.read_block(BlockId(11), &mut after).unwrap();
        assert!(before == after && before.iter().any(|&byte| byte != 0));
        assert!(cache.read_block(BlockId(99), &mut after).is_err());
        assert!(cache.write_block(BlockId(99), &before).is_err());
    }
}

#[test]
fn what_a_format_cannot_hold_becomes_its_largest_number() {
    for (dtype, largest) in [(DType::F16, 65_504.0), (DType::BF16, bf16::MAX.to_f32())] {
        let case = Case::new(1, 1, 16, None);
        let cache = case.cache(dtype);
        let shape = (case.positions.len(), 1, 16);
        let huge = Tensor::full(f32::INFINITY, shape, &Device::Cpu).unwrap();
        cache
            .write(&huge, &huge.neg().unwrap(), &case.rows())
            .unwrap();
        let (keys, values) = Case::bytes(&cache);
        let at = case.slot(0, 37) as usize * 16;
        let all = |bytes: &[u8], number: f32| {
            let stored = widen(bytes, dtype);
            stored[at..][..16]
                .iter()
                .all(|x| x.to_bits() == number.to_bits())
        };
        assert!(all(&keys, largest) && all(&values, -largest), "{dtype:?}");
    }
}

/// The GPU's source as a program of this machine, for caches of one format.
fn emulator(folder: &Path, dtype: DType) -> PathBuf {
    let cuda = Path::new(env!("CARGO_MANIFEST_DIR")).join("cuda");
    let program = folder.join(format!("{dtype:?}"));
    let built = Command::new("cc")
        .args([
            "-std=gnu11",
            "-O1",
            "-Wall",
            "-Werror",
            "-Wno-unused-function",
        ])
        .args(["-ffp-contract=off", "-pthread"])
        .arg(format!("-DCACHE_{dtype:?}"))
        .arg(cuda.join("emulate.c"))
        .args(["-lm", "-o"])
        .arg(&program)
        .output()
        .expect("the C compiler `cc`, which builds our dependencies, too");
    let log = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{log}");
    program
}

/// Runs a case on so many threads: what the cache's keys and values and the attention became.
fn emulate(
    program: &Path,
    case: &Case,
    dtype: DType,
    (threads, heads_together): (usize, usize),
) -> (Vec<u8>, Vec<u8>, Vec<f32>) {
    let numbers = [
        threads,
        case.positions.len(),
        case.tables.len(),
        case.tables[0].len(),
        BLOCKS,
        case.kv_heads,
        case.group,
        heads_together,
        case.head_dim,
        case.window.unwrap_or(u32::MAX as usize),
    ];
    let numbers = numbers.map(|number| u32::try_from(number).unwrap());
    let [k, v, q] = case.new_rows().map(|tensor| {
        let values = tensor.flatten_all().unwrap();
        values.to_vec1::<f32>().unwrap()
    });
    let (keys, values) = Case::bytes(&case.cache(dtype));
    let rows = case.rows();
    let mut input: Vec<u8> = bytemuck::cast_slice(&numbers).to_vec();
    input.extend(SCALE.to_ne_bytes());
    for floats in [&k, &v, &q] {
        input.extend_from_slice(bytemuck::cast_slice(floats));
    }
    input.extend(keys.iter().chain(&values));
    for tensor in [&rows.slots, &rows.positions, &rows.sequences, &rows.tables] {
        let values = tensor.flatten_all().unwrap().to_vec1::<u32>().unwrap();
        input.extend_from_slice(bytemuck::cast_slice(&values));
    }
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let (cache, out) = output.stdout.split_at(keys.len() + values.len());
    let (keys, values) = cache.split_at(keys.len());
    assert_eq!(out.len(), size_of_val(q.as_slice()));
    (keys.to_vec(), values.to_vec(), floats(out))
}

#[test]
fn the_gpus_kernels_compute_what_the_plain_loops_do() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in DTYPES {
        let program = emulator(folder.path(), dtype);
        for case in cases() {
            let cache = case.cache(dtype);
            let [k, v, q] = case.new_rows();
            let rows = case.rows();
            cache.write(&k, &v, &rows).unwrap();
            let expected = cache.attend(&q, &rows, SCALE).unwrap();
            let expected = expected.flatten_all().unwrap().to_vec1::<f32>().unwrap();

            let (keys, values, found) = emulate(&program, &case, dtype, (8, case.group));
            assert!(
                (keys, values) == Case::bytes(&cache),
                "{dtype:?}: the cache"
            );
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let difference = (found - expected).abs();
                assert!(
                    difference < 1e-5,
                    "{dtype:?}, value {i}: {found} is not {expected}"
                );
            }
            // Who computes what changes no bit.
            for cut in [(1, case.group), (5, 1)] {
                let (_, _, other) = emulate(&program, &case, dtype, cut);
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&other), bits(&found), "{dtype:?}: {cut:?}");
            }
        }
    }
}

#[test]
fn halves_are_rounded_as_everywhere() {
    // Every half, and numbers about the middle between two, through the emulated kernel's own
    // rounding.
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("halves.c");
    let cuda = Path::new(env!("CARGO_MANIFEST_DIR")).join("cuda");
    let header = cuda.join("emulate.h");
    let text = format!(
        "#include {header:?}\nint main(void) {{ float x; while (fread(&x, 4, 1, stdin) == 1) {{ \
         unsigned short h = half_of_float(x); float y = float_of_half(h); fwrite(&h, 2, 1, stdout); \
         fwrite(&y, 4, 1, stdout); }} return 0; }}\n"
    );
    fs::write(&source, text).unwrap();
    let program = folder.path().join("halves");
    let built = Command::new("cc")
        .args(["-std=gnu11", "-O1", "-pthread"])
        .arg(&source)
        .args(["-lm", "-o"])
        .arg(&program)
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let halves = (0..=u16::MAX)
        .map(f16::from_bits)
        .filter(|half| !half.is_nan());
    let inputs: Vec<f32> = halves
        .flat_map(|half| {
            [
                half.to_f32(),
                half.to_f32() * 1.000_488_3,
                half.to_f32() * 1.0001,
            ]
        })
        .collect();
    let path = folder.path().join("inputs");
    fs::write(&path, bytemuck::cast_slice::<_, u8>(&inputs)).unwrap();
    let output = Command::new(&program)
        .stdin(File::open(&path).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.stdout.len(), inputs.len() * 6);
    for (input, found) in inputs.iter().zip(output.stdout.as_chunks::<6>().0) {
        let half = f16::from_f32(*input);
        let bits = u16::from_ne_bytes([found[0], found[1]]);
        let back = f32::from_ne_bytes([found[2], found[3], found[4], found[5]]);
        assert_eq!(bits, half.to_bits(), "{input}");
        assert_eq!(back.to_bits(), half.to_f32().to_bits(), "{input}");
    }
}
