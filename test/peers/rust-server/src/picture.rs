// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};
use turbojpeg::{Decompressor, PixelFormat, ScalingFactor};

use crate::Failure;

/// Side of the network's pictures, and how many numbers one has.
pub const SIZE: usize = 224;
pub const PIXELS: usize = 3 * SIZE * SIZE;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Makes tensors of JPEG files. It keeps its memory from one picture to the next.
pub struct Decoder {
    jpeg: Decompressor,
    resizer: Resizer,
    whole: Vec<u8>,
    small: Vec<u8>,
    numbers: [[f32; 256]; 3],
}

impl Decoder {
    pub fn new() -> Self {
        Self {
            jpeg: Decompressor::new().expect("libjpeg-turbo"),
            resizer: Resizer::new(),
            whole: Vec::new(),
            small: vec![0; PIXELS],
            numbers: std::array::from_fn(|c| std::array::from_fn(|v| (v as f32 / 255.0 - MEAN[c]) / STD[c])),
        }
    }

    /// Writes a picture to a tensor of shape [3, SIZE, SIZE]. Large ones are decoded reduced, to no less than twice the size.
    pub fn decode(&mut self, file: &[u8], tensor: &mut [f32]) -> Result<(), Failure> {
        let header = self.jpeg.read_header(file)?;
        let reduction = [8, 4, 2].into_iter().find(|r| header.width.min(header.height) / r >= 2 * SIZE).unwrap_or(1);
        let scale = ScalingFactor::new(1, reduction);
        self.jpeg.set_scaling_factor(scale)?;
        let (width, height) = (scale.scale(header.width), scale.scale(header.height));
        self.whole.resize(3 * width * height, 0);
        self.jpeg.decompress(
            file,
            turbojpeg::Image { pixels: &mut self.whole[..], width, pitch: 3 * width, height, format: PixelFormat::RGB },
        )?;
        let source = ImageRef::new(u32::try_from(width)?, u32::try_from(height)?, &self.whole, PixelType::U8x3)?;
        let mut target = Image::from_slice_u8(SIZE as u32, SIZE as u32, &mut self.small, PixelType::U8x3)?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        self.resizer.resize(&source, &mut target, &options)?;
        let (red, rest) = tensor.split_at_mut(SIZE * SIZE);
        let (green, blue) = rest.split_at_mut(SIZE * SIZE);
        for (i, pixel) in self.small.chunks_exact(3).enumerate() {
            red[i] = self.numbers[0][usize::from(pixel[0])];
            green[i] = self.numbers[1][usize::from(pixel[1])];
            blue[i] = self.numbers[2][usize::from(pixel[2])];
        }
        Ok(())
    }
}
