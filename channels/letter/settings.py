"""Settings of one entrance for letters: a folder that a scanner writes into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class LetterSettings(BaseModel):
    """Without `folder` the entrance is the upload page alone."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    folder: str = Field(default="", description="扫描仪文件夹")
    settle_seconds: float = Field(default=5.0, ge=0, le=3600, description="文件和所在文件夹不变多久视为扫描完毕")
    empty_seconds: float = Field(default=60.0, ge=0, le=86_400, description="空文件等待的时间")
    poll_seconds: float = Field(default=1.0, ge=0.05, le=600, description="检查间隔")
    done_folder: str = Field(default="", description="接收后移入的文件夹（留空则不移动）")
    max_bytes: int = Field(default=100 * 2**20, ge=1, le=2 * 2**30, description="单个文件上限（字节）")
    max_letter_bytes: int = Field(default=400 * 2**20, ge=1, le=4 * 2**30, description="一封信全部文件的上限（字节）")
    max_files: int = Field(default=200, ge=1, le=2_000, description="一封信的文件数上限")

    return_address: str = Field(
        default="", max_length=60, description="告知信函的回信地址（信箱或街道，不写单位名称）；留空则不印"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.done_folder and not self.folder:
            raise ValueError("请填写扫描仪文件夹")
        if self.done_folder and os.path.normpath(Path(self.folder, self.done_folder)) == os.path.normpath(self.folder):
            raise ValueError("移入的文件夹不能就是扫描仪文件夹")
        return self
