$g=@()
$w=$env:USERNAME
try{$t=[Security.Principal.WindowsIdentity]::GetCurrent();$w=$t.Name;$g=@($t.Groups|ForEach-Object{[string]$_.Value})}catch{}
$n=$Error.Count
$h=@{}
$h['account']=@{Name=$w;Groups=$g}
$h['system']=@(Get-CimInstance -ClassName Win32_OperatingSystem|Select-Object Caption,Version,BuildNumber,CSName,@{n='Boot';e={if($_.LastBootUpTime){$_.LastBootUpTime.ToUniversalTime().ToString('o')}}})
$h['machine']=@(Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Cryptography' -Name MachineGuid|Select-Object MachineGuid)
$h['ports']=@(Get-NetTCPSetting|Select-Object SettingName,DynamicPortRangeStartPort,DynamicPortRangeNumberOfPorts)
$h['processor']=$env:PROCESSOR_ARCHITECTURE
$h['clock']=(Get-Date).ToUniversalTime().ToString('o')
