"""Pixels as a person sees them: files of every kind, arrays of every type."""

import io

import cases as made
import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.data import load_problem, problem_facts
from benchmark.data.reading.images import read_images, read_pictures
from benchmark.data.reading.pixels import inputs_of
from benchmark.errors import BenchError
from benchmark.scenario.schema import load_scenario

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 12, 3), dtype=np.uint8)


def seen(path, channels=3):
    """The pixels `[12, 12, channels]` that are read of a picture of that size."""
    return read_images([path], 12, channels)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(orientation, kind, tmp_path):
    turned = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: np.rot90(PIXELS, -1),
        7: np.rot90(PIXELS, 2).transpose(1, 0, 2),
        8: np.rot90(PIXELS),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(PIXELS).save(tmp_path / "a", format=kind, exif=exif, **options)
    np.testing.assert_array_equal(seen(tmp_path / "a"), turned[orientation])


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_changes_nothing(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(seen(tmp_path / "a.png"), PIXELS)


def test_damaged_exif_costs_no_picture(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=b"Exif\0\0nonsense")
    np.testing.assert_array_equal(seen(tmp_path / "a.png"), PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bit_grey_is_scaled_to_eight(channels, kind, tmp_path):
    deep = RNG.integers(0, 65536, (12, 12)).astype(np.uint16)
    deep[0, :3] = 0, 65535, 257 * 128
    Image.fromarray(deep).save(tmp_path / "a", format=kind)
    found = seen(tmp_path / "a", channels)
    assert found[0, :3, 0].tolist() == [0, 255, 128]
    np.testing.assert_array_equal(found, np.repeat(np.rint(deep / 257)[..., None], channels, axis=2))


DEEP = np.concatenate([np.array([0, 65535, 1000], dtype=np.uint16), RNG.integers(0, 65536, 141).astype(np.uint16)])


@pytest.mark.parametrize("orientation", [1, 2])
def test_sixteen_bits_of_which_0_is_white_are_inverted(orientation, tmp_path):
    deep = DEEP.reshape(12, 12)
    tags = {262: 0, 0x0112: orientation}
    Image.fromarray(deep).save(tmp_path / "a.tif", tiffinfo=tags)
    expected = np.rint((65535 - deep.astype(float)) / 257)
    np.testing.assert_array_equal(
        seen(tmp_path / "a.tif", 1)[..., 0], expected[:, ::-1] if orientation == 2 else expected
    )


def test_the_transparent_shade_of_sixteen_bits_lies_on_white(tmp_path):
    deep = DEEP.reshape(12, 12)
    Image.fromarray(deep).save(tmp_path / "a.png", transparency=1000)
    expected = np.where(deep == 1000, 255, np.rint(deep / 257))
    np.testing.assert_array_equal(seen(tmp_path / "a.png", 1)[..., 0], expected)


def test_pgm_of_sixteen_bits_is_scaled_to_eight(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5\n12 12\n65535\n" + DEEP.astype(">u2").tobytes())
    np.testing.assert_array_equal(seen(tmp_path / "a.pgm", 1)[..., 0], np.rint(DEEP.reshape(12, 12) / 257))


@pytest.mark.parametrize(("most", "said"), [(255, True), (4095, True), (4096, False), (0, False)])
def test_sixteen_bits_that_may_be_fewer_are_said(most, said, tmp_path):
    deep = (DEEP.reshape(12, 12).astype(np.uint32) * most // 65535).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    remarks = read_pictures([tmp_path / "a.png"], 12, 1)[1]
    assert [f"the highest pixel of 1 pictures of 16 bits is {most} of 65535" in each for each in remarks] == [
        True
    ] * said
    if most > 255:
        remarks = inputs_of(deep[None], "a.npz")[1]
        assert (f"the highest pixel of a.npz is {most} of 65535" in remarks[-1]) == said


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pictures_of_32_bits_have_no_known_white(dtype, tmp_path):
    Image.fromarray(PIXELS[..., 0].astype(dtype)).save(tmp_path / "deep.tif")
    with pytest.raises(BenchError, match=r"deep\.tif could not be read as an image: .* nobody knows what white is"):
        seen(tmp_path / "deep.tif")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_lie_on_white(mode, tmp_path):
    alpha = np.zeros((12, 12, 1), dtype=np.uint8)
    alpha[:, 4:8], alpha[:, 8:] = 100, 255
    image = Image.fromarray(np.concatenate([PIXELS, alpha], axis=2))
    if mode == "PA":  # as PNG files have it: a palette with a transparent colour
        image = Image.fromarray(np.where(alpha[..., 0] > 0, 1, 0).astype(np.uint8)).convert("P")
        image.putpalette([9, 9, 9, 10, 20, 30])
        image.save(tmp_path / "a.png", transparency=0)
        expected = np.where(alpha > 0, np.array([10, 20, 30]), 255)
    else:
        image = image.convert(mode)
        image.save(tmp_path / "a.png")
        colours = np.asarray(image.convert("RGBA")).astype(float)
        expected = np.rint(colours[..., :3] * colours[..., 3:] / 255 + 255 - colours[..., 3:])
    assert np.abs(seen(tmp_path / "a.png").astype(int) - expected).max() <= 1
    assert (seen(tmp_path / "a.png")[:, :4] == 255).all()


def test_opaque_pictures_with_alpha_keep_their_very_pixels(tmp_path):
    Image.fromarray(np.dstack([PIXELS, np.full((12, 12), 255, np.uint8)])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(seen(tmp_path / "a.png"), PIXELS)


def test_palettes_single_bits_cmyk_and_animations_are_what_they_look_like(tmp_path):
    image = Image.fromarray(PIXELS)
    image.quantize(16).save(tmp_path / "palette.png")
    np.testing.assert_array_equal(seen(tmp_path / "palette.png"), np.asarray(image.quantize(16).convert("RGB")))
    bits = PIXELS[..., 0] > 127
    Image.fromarray(bits).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(seen(tmp_path / "bits.png", 1)[..., 0], np.where(bits, 255, 0))
    Image.new("CMYK", (12, 12), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    assert np.abs(seen(tmp_path / "red.jpg").astype(int) - [255, 0, 0]).max() < 4
    frames = [Image.new("L", (12, 12), shade) for shade in (200, 0, 100)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    assert (seen(tmp_path / "moving.gif") == 200).all()
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    assert (seen(tmp_path / "pages.tif") == 200).all()


FIRST = RNG.integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
LAST = np.moveaxis(FIRST, 1, 3)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (FIRST, FIRST),
        (LAST, FIRST),
        (FIRST[:, :1], FIRST[:, :1]),
        (LAST[..., :1], FIRST[:, :1]),
        (FIRST[:, 0], FIRST[:, :1]),
        (LAST[:, :5], np.moveaxis(LAST[:, :5], 3, 1)),
        (LAST[:, :4, :4], FIRST[:, :, :4, :4]),
        (FIRST[:, :, :3, :3], FIRST[:, :, :3, :3]),  # [n, 3, 3, 3] is channels-first, as documented
        (FIRST.astype(np.int16), FIRST),
        (LAST.astype(np.int32), FIRST),
        (FIRST.astype(">i8"), FIRST),
        (FIRST.astype(np.uint16), FIRST),
        (FIRST.astype(np.uint16) * 257, FIRST),
        ((FIRST[:, 0] > 100), (FIRST[:, :1] > 100) * 255),
        ((FIRST > 100).astype(np.int64), (FIRST > 100) * 255),
        (LAST / 255, (FIRST / 255).astype(np.float32)),
        (FIRST.astype(np.float64), FIRST.astype(np.float32)),
        (FIRST.astype(np.float16), FIRST.astype(np.float32)),
        (FIRST[:, 0, 0].astype(np.int64) - 90, (FIRST[:, 0, 0].astype(np.float32) - 90)),  # [n, features]
        (FIRST[:, 0, 0, 0] / 3, (FIRST[:, 0, 0, :1] / 3).astype(np.float32)),
    ],
)
def test_arrays_become_pixels_or_floats_with_channels_first(array, expected):
    inputs, remarks = inputs_of(array, "a.npz")
    assert inputs.dtype == (torch.float32 if np.asarray(expected).dtype.kind == "f" else torch.uint8)
    np.testing.assert_array_equal(inputs.numpy(), expected)
    if array is FIRST:
        assert not remarks
    if array.ndim == 4 and array.shape[1:] != expected.shape[1:]:
        assert "channels-last" in remarks[0]


@pytest.mark.parametrize(
    ("shape", "found", "remark"),
    [
        ((8, 8, 6), (6, 8, 8), "channels-last, so that they have 6 channels"),
        ((16, 16, 12), (12, 16, 16), "channels-last, so that they have 12 channels"),
        ((4, 8, 3), (4, 8, 3), "channels-first, so that they have 4 channels of 8×3"),
        ((9, 8, 6), (9, 8, 6), "channels-first, so that they have 9 channels of 8×6"),
        ((5, 5, 5), (5, 5, 5), "channels-first, so that they have 5 channels of 5×5"),
        ((1, 28, 28), (1, 28, 28), None),
        ((8, 6, 6), (8, 6, 6), None),
        ((3, 8, 6), (3, 8, 6), None),
    ],
)
def test_doubtful_shapes_are_read_in_one_way_that_is_said(shape, found, remark):
    inputs, remarks = inputs_of(RNG.integers(0, 256, (5, *shape), dtype=np.uint8), "a.npz")
    assert tuple(inputs.shape[1:]) == found
    assert [remark in each for each in remarks] == ([True] if remark else [])


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (FIRST.astype(np.int16) - 100, "int16 images from -.* of which nobody knows what white is"),
        (FIRST.astype(np.int32) * 10, "int32 images from .* to 25.*, of which nobody knows"),
        (FIRST.astype(np.uint64) * 300, "uint64 images"),
        (FIRST.astype(complex), "are complex128, expected uint8 images or numbers"),
        (np.full((4, 2), "2026", dtype="M8[Y]"), "expected uint8 images or numbers"),
        (np.array([[1.0, np.inf]] * 4), "not finite, or too large for float32, in 4 of 4 rows"),
        (np.array([[1.0, 1e300]] * 3), "not finite, or too large for float32, in 3 of 3 rows"),
    ],
)
def test_arrays_of_unknown_white_are_refused(array, sentence):
    with pytest.raises(BenchError, match=sentence):
        inputs_of(array, "a.npz")


def test_uint8_images_of_0_and_1_are_taken_as_they_are_and_said(cases):
    path = cases.arrays(inputs=np.tile(FIRST > 100, (8, 1, 1, 1)).astype(np.uint8), targets=np.arange(40) % 2)
    scenario = load_scenario(str(path))
    assert load_problem(scenario).train.inputs.max() == 1
    assert "no pixel is above 1 of 255" in problem_facts(scenario).remarks[0]


@pytest.mark.parametrize("shape", [(200, 8, 8, 2), (200, 2, 2)])
def test_a_network_that_the_images_do_not_suit_is_said_before_training(shape, cases, data_check):
    pixels = cases.rng.integers(0, 255, shape, dtype=np.uint8)
    net = '[architecture]\nname = "torchvision"\nmodel = "resnet18"\n'
    said = data_check(cases.arrays(more=net, inputs=pixels, targets=made.LABELS))
    assert said.status == 2
    assert "network: resnet18 takes images of 3 channels" in said.err


def test_a_picture_too_small_for_the_network_is_said_before_training(cases, data_check):
    net = '[architecture]\nname = "cnn"\nwidths = [8, 8, 8, 8]\n'
    pixels = cases.rng.integers(0, 255, (200, 8, 8), dtype=np.uint8)
    said = data_check(cases.arrays(more=net, inputs=pixels, targets=made.LABELS))
    assert said.status == 2
    assert "architecture.widths has 4 entries, expected fewer" in said.err


def test_a_truncated_picture_is_named(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, format="JPEG")
    (tmp_path / "half.jpg").write_bytes(buffer.getvalue()[:300])
    with pytest.raises(BenchError, match=r"half\.jpg could not be read as an image"):
        seen(tmp_path / "half.jpg")
