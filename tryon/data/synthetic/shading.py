"""What visible surfaces look like: cloth and skin under one light, compiled by numba.

Pictures are drawn larger than they are shown, `SAMPLES` across each pixel. Colour varies
little within a pixel, so that it is worked out once and weighted by the samples that show the
surface; only where a surface covers itself (a sleeve before the chest) every sample has its own.
Row by row, the places to colour are gathered, then coloured one after the other.
"""

from __future__ import annotations

import numba
import numpy as np

from tryon.data.synthetic.light import Light
from tryon.data.synthetic.materials import (
    CREASE_METRES,
    SAMPLES,
    Cloth,
    Mesh,
    Skin,
    Truth,
)
from tryon.data.synthetic.places import gathered, rows
from tryon.data.synthetic.raster import FAR, Buffers, corner_weights

_compiled = numba.njit(cache=True, fastmath=True, error_model="numpy")
_ZERO, _HALF, _ONE, _FAR = np.float32(0), np.float32(0.5), np.float32(1), np.float32(FAR)


def shade_cloth(
    mesh: Mesh,
    buffers: Buffers,
    other: np.ndarray,
    cloth: Cloth,
    light: Light,
    crease: float,
    image: np.ndarray,
    truth: Truth | None,
    where: np.ndarray | None = None,
) -> None:
    """Add a garment's colours to `image` float32 (H, W, 4), in place, and its truth if asked for.

    buffers: `SAMPLES` times as large; other: float32 like its depth, what may hide it;
    crease: samples that lie further apart in depth, in metres, are coloured one by one;
    where: bool (H, W), only these pixels.
    """
    uv, layer, _ = _NO_TRUTH if truth is None else truth
    _shade_cloth(
        *mesh, *buffers, other, _everywhere(image, where), np.float32(crease), *cloth, *light,
        truth is not None, uv, layer, image,
    )  # type: ignore[call-arg]  # fmt: skip


def shade_skin(
    mesh: Mesh,
    buffers: Buffers,
    other: np.ndarray,
    skin: Skin,
    light: Light,
    image: np.ndarray,
    where: np.ndarray | None = None,
) -> None:
    """Add the body's colours to `image`, in place; see `shade_cloth`."""
    uv, layer, _ = _NO_TRUTH
    _shade_skin(*mesh, *buffers, other, _everywhere(image, where), *skin, *light, uv, layer, image)  # type: ignore[call-arg]


_NO_TRUTH = Truth.empty(1, 1)


def _everywhere(image: np.ndarray, where: np.ndarray | None) -> np.ndarray:
    return np.ones(image.shape[:2], np.bool_) if where is None else where


@_compiled
def _shade_cloth(  # type: ignore[no-untyped-def]
    mark, points, faces, attributes, box, depth, owner, face, other, where, crease,
    tile, to_tile, back_shift, decal, decal_box, trim, trim_width, fade, creases, crease_depth,
    sheen, direction, ambient, diffuse, tint, has_truth, uv, layer, image,
):  # fmt: skip
    mesh, buffers = (np.int8(mark), points, faces, attributes), (depth, owner, face, other)
    left, top, right, bottom, places = rows(box)
    column, _, share, mixed = places
    truth = (has_truth, uv, layer)
    for y in range(top, bottom):
        count = gathered(y, left, right, mesh, buffers, where, crease, truth, places)
        _colour_cloth(
            count, column, share, mixed, tile, to_tile, back_shift, decal, decal_box, trim,
            trim_width, fade, creases, crease_depth, sheen, direction, ambient, diffuse, image[y],
        )  # fmt: skip


@_compiled
def _shade_skin(  # type: ignore[no-untyped-def]
    mark, points, faces, attributes, box, depth, owner, face, other, where,
    colour, paint, paint_box, parts, direction, ambient, diffuse, tint, uv, layer, image,
):  # fmt: skip
    mesh, buffers = (np.int8(mark), points, faces, attributes), (depth, owner, face, other)
    left, top, right, bottom, places = rows(box)
    truth = (False, uv, layer)
    for y in range(top, bottom):
        count = gathered(y, left, right, mesh, buffers, where, _FAR, truth, places)
        _colour_skin(
            count, places, faces, colour, paint, paint_box, parts, direction, ambient, diffuse,
            image[y],
        )  # fmt: skip


@_compiled
def _colour_cloth(  # type: ignore[no-untyped-def]
    count, column, share, mixed, tile, to_tile, back_shift, decal, decal_box, trim, trim_width,
    fade, creases, crease_depth, sheen, direction, ambient, diffuse, image,
):  # fmt: skip
    # Both are powers of two, so that `&` wraps around.
    last, last_crease = np.uint32(tile.shape[0] - 1), np.uint32(creases.shape[0] - 1)
    to_crease = np.float32(creases.shape[0] / CREASE_METRES)
    to_decal_x = np.float32(decal.shape[1]) / decal_box[2]
    to_decal_y = np.float32(decal.shape[0]) / decal_box[3]
    for n in range(count):
        nx, ny, nz, side = mixed[n, 0], mixed[n, 1], mixed[n, 2], mixed[n, 5]
        s, t, edge = mixed[n, 6], mixed[n, 7], mixed[n, 8]
        if edge < trim_width:
            r, g, b = trim[0], trim[1], trim[2]
        else:
            x = to_tile[0, 0] * s + to_tile[0, 1] * t + to_tile[0, 2]
            y = to_tile[1, 0] * s + to_tile[1, 1] * t + to_tile[1, 2]
            if side < 0:
                x, y = x + back_shift[0], y + back_shift[1]
            x0, y0 = _floor(x) & last, _floor(y) & last
            x1, y1 = (x0 + np.uint32(1)) & last, (y0 + np.uint32(1)) & last
            r, g, b = _between(tile, x0, y0, x1, y1, x - np.floor(x), y - np.floor(y))
            if fade[0] >= 0:
                late = min(_ONE, max(_ZERO, (t - fade[3]) / (fade[4] - fade[3])))
                r, g, b = _blended(r, g, b, fade[0], fade[1], fade[2], late)
            if side * decal_box[4] > 0:
                x = (s - decal_box[0]) * to_decal_x - _HALF
                y = (t - decal_box[1]) * to_decal_y - _HALF
                r, g, b = _printed(decal, x, y, r, g, b)
        crease_x = _floor((s if side > 0 else s + np.float32(3)) * to_crease) & last_crease
        crease_y = _floor(t * to_crease) & last_crease
        inside = ny > 0
        if inside:
            nx, ny, nz = -nx, -ny, -nz
        nx += crease_depth * creases[crease_y, crease_x, 0]
        nz += crease_depth * creases[crease_y, crease_x, 1]
        length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-6)
        lit = (nx * direction[0] + ny * direction[1] + nz * direction[2]) / length
        lit = max(lit, _ZERO)
        shade = ambient + diffuse * lit
        cube = lit * lit * lit
        gloss = sheen * cube * cube * cube * cube * np.float32(90)
        if edge < np.float32(0.012) and edge > np.float32(0.007):
            shade *= np.float32(0.94)
        if inside:
            shade *= np.float32(0.62)
        _add(image, column[n], share[n], r * shade + gloss, g * shade + gloss, b * shade + gloss)


@_compiled
def _add(image, x, share, r, g, b):  # type: ignore[no-untyped-def]
    image[x, 0] += share * r
    image[x, 1] += share * g
    image[x, 2] += share * b
    image[x, 3] += share


@_compiled
def _floor(x):  # type: ignore[no-untyped-def]
    """The next lower whole number, as an index that `&` wraps around."""
    return np.uint32(np.int32(np.floor(x)))


@_compiled
def _colour_skin(  # type: ignore[no-untyped-def]
    count, places, faces, colour, paint, paint_box, parts, direction, ambient, diffuse, image
):
    column, face, share, mixed = places
    height, width = np.float32(paint.shape[0]), np.float32(paint.shape[1])
    for n in range(count):
        nx, ny, nz = mixed[n, 0], mixed[n, 1], mixed[n, 2]
        r, g, b = colour[0], colour[1], colour[2]
        if mixed[n, 5] > 0 and parts[faces[face[n], 0]] == 1:  # the face is on the head's front
            x = (mixed[n, 3] - paint_box[0]) / paint_box[2] * width
            y = (mixed[n, 4] - paint_box[1]) / paint_box[3] * height
            r, g, b = _printed(paint, x, y, r, g, b)
        length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-6)
        lit = (nx * direction[0] + ny * direction[1] + nz * direction[2]) / length
        shade = ambient + diffuse * max(lit, _ZERO)
        # Light that enters skin comes out red, so that its shadows are warm.
        warm = shade * np.float32(0.92) + np.float32(0.08)
        _add(image, column[n], share[n], r * warm, g * shade, b * shade)


@_compiled
def _between(image, x0, y0, x1, y1, fx, fy):  # type: ignore[no-untyped-def]
    """Red, green and blue between four pixels, (fx, fy) of the way from the first to the last."""
    w00, w01 = (_ONE - fx) * (_ONE - fy), fx * (_ONE - fy)
    w10, w11 = (_ONE - fx) * fy, fx * fy
    return (
        w00 * image[y0, x0, 0] + w01 * image[y0, x1, 0] + w10 * image[y1, x0, 0]
        + w11 * image[y1, x1, 0],
        w00 * image[y0, x0, 1] + w01 * image[y0, x1, 1] + w10 * image[y1, x0, 1]
        + w11 * image[y1, x1, 1],
        w00 * image[y0, x0, 2] + w01 * image[y0, x1, 2] + w10 * image[y1, x0, 2]
        + w11 * image[y1, x1, 2],
    )  # fmt: skip


@_compiled
def _printed(decal, x, y, r, g, b):  # type: ignore[no-untyped-def]
    """A colour with a print (h, w, 4) over it, at the print's pixel (x, y), if it lies there."""
    if x < 0 or y < 0 or x >= decal.shape[1] - 1 or y >= decal.shape[0] - 1:
        return r, g, b
    x0, y0 = int(x), int(y)
    fx, fy = x - np.float32(x0), y - np.float32(y0)
    alpha = (_ONE - fy) * ((_ONE - fx) * decal[y0, x0, 3] + fx * decal[y0, x0 + 1, 3])
    alpha += fy * ((_ONE - fx) * decal[y0 + 1, x0, 3] + fx * decal[y0 + 1, x0 + 1, 3])
    red, green, blue = _between(decal, x0, y0, x0 + 1, y0 + 1, fx, fy)
    return _blended(r, g, b, red, green, blue, alpha)


@_compiled
def _blended(r, g, b, red, green, blue, share):  # type: ignore[no-untyped-def]
    return r + share * (red - r), g + share * (green - g), b + share * (blue - b)


def body_truth(
    mesh: Mesh, buffers: Buffers, parts: np.ndarray, crease: float, truth: Truth
) -> None:
    """Write the truth of the bare body, in place.

    parts: uint8 (V,), of the vertices; crease: as in `shade_cloth`.
    """
    _write_body(*mesh, *buffers, parts, np.float32(crease), *truth)  # type: ignore[call-arg]


@_compiled
def _write_body(  # type: ignore[no-untyped-def]
    mark, points, faces, attributes, box, depth, owner, face, parts, crease, uv, layer, part
):
    k, middle = SAMPLES, np.float32(SAMPLES // 2) + _HALF
    for y in range(box[1] // k, -(-box[3] // k)):
        for x in range(box[0] // k, -(-box[2] // k)):
            own_y, own_x = k * y + k // 2, k * x + k // 2
            if owner[own_y, own_x] != mark:
                continue
            here, whole = depth[own_y, own_x], True
            for down in range(SAMPLES):
                for across in range(SAMPLES):
                    sample_y, sample_x = k * y + down, k * x + across
                    away = abs(depth[sample_y, sample_x] - here)
                    whole &= owner[sample_y, sample_x] == mark and away < crease
            to_middle = _HALF * k if whole else middle
            i = face[own_y, own_x]
            at_x, at_y = np.float32(k * x) + to_middle, np.float32(k * y) + to_middle
            wa, wb, wc = corner_weights(points, faces, i, at_x, at_y)
            a, b, c = faces[i, 0], faces[i, 1], faces[i, 2]
            for n in range(2):
                uv[y, x, n] = wa * attributes[a, 3 + n] + wb * attributes[b, 3 + n]
                uv[y, x, n] += wc * attributes[c, 3 + n]
            front = wa * attributes[a, 5] + wb * attributes[b, 5] + wc * attributes[c, 5]
            layer[y, x], part[y, x] = 1 if front >= 0 else 2, parts[a]
