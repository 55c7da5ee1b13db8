/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rule 30: a volume that is filtered in two frames has a legacy filter's device
 * between them. Frames alone prove nothing: they never go away.
 */
#include "check/check.h"

void chk_frames(struct check_run *run)
{
	const struct fs_model *m = run->m;
	size_t i, k;

	for (i = 0; i < m->nvolumes; i++) {
		const struct fs_volume *v = &m->volumes[i], *up = NULL;
		struct fs_finding *fd;
		evidence_vec ev = {0};

		for (k = 0; k < m->nvolumes && fs_has(&v->volume_in_next_frame, UINT64_MAX); k++)
			if (m->volumes[k].address == v->volume_in_next_frame.v &&
			    m->volumes[k].frame >= 0 && m->volumes[k].frame != v->frame)
				up = &m->volumes[k];
		if (!up || v->frame < 0)
			continue;
		fd = finding_add(run, "legacy-filter-between",
				 confidence_cap(FS_LIKELY, &v->volume_in_next_frame), "volume",
				 v->address,
				 v->device_name.state == FS_READ ? v->device_name.s : "");
		if (!fd)
			return;
		fd->message = "the volume is filtered in two frames: a legacy filter has attached "
			      "between them";
		evidence_hex(run, &ev, &v->volume_in_next_frame, v->address,
			     "FLT_VOLUME.VolumeInNextFrame", "the same volume in the frame above");
		evidence_hex(run, &ev, &up->frame_zero_volume, up->address,
			     "FLT_VOLUME.FrameZeroVolume", "which leads back to the lowest frame");
		fd->evidence = evidence_take(run, &ev, &fd->nevidence);
	}
}
